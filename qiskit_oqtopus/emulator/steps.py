"""The steps of a job: combine its programs, transpile, run, mitigate and divide the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import qasm3
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.compiler import transpile
from qiskit.transpiler import CouplingMap

from .database import JobRecord
from .devices import EmulatedDevice
from .execution import Counts, Readout, Simulator
from .job_input import JobFailedError, JobInput
from .programs import (
    NATIVE_GATES,
    NativeProgram,
    ProgramError,
    parse_any,
    parse_native,
    remove_measurements,
    to_native,
)

NOT_RUN = "failed to execute job on device"
"""All that a client is told when the device refuses a program."""

NOT_TRANSPILED = "Expecting value: line 1 column 1 (char 0)"
"""All that a client is told when the transpiler fails: its empty answer is not JSON."""

NOT_ESTIMATED = (
    "<AioRpcError of RPC that terminated with:\n\tstatus = StatusCode.INTERNAL\n"
    '\tdetails = "Failed to serialize response!"\n'
    '\tdebug_error_string = "INTERNAL:Failed to serialize response!"\n>'
)
_NO_GATES = frozenset(["measure", "reset", "barrier", "delay", "initialize"])
"""Operations that the server's transpiler does not count as gates, except in the depth."""

MAX_MESSAGE = 4 * 2**20
"""Bytes of a gRPC message between the parts of the server."""

_ENVELOPE = 121
"""Bytes that such a message has besides the program, approximately."""


@dataclass(frozen=True)
class Combined:
    """The programs of a multi_manual job on one chip.

    Attributes:
        circuit: All of them, side by side.
        first: The first one alone.
        clbits: Number of classical bits of each.
    """

    circuit: QuantumCircuit
    first: QuantumCircuit
    clbits: tuple[int, ...]

    @property
    def text(self) -> str:
        """The program."""
        return str(qasm3.dumps(self.circuit))


@dataclass(frozen=True)
class Transpiled:
    """A circuit that the server's transpiler has compiled.

    Attributes:
        source: The circuit before.
        circuit: The circuit after.
        layout: Physical qubit of each virtual one, before the first gate.
        final_layout: The same after the last gate.
    """

    source: QuantumCircuit
    circuit: QuantumCircuit
    layout: tuple[int, ...]
    final_layout: tuple[int, ...]

    @property
    def report(self) -> dict[str, Any]:
        """The content of ``transpile_result.json``."""
        return {
            "transpiled_program": qasm3.dumps(self.circuit),
            "stats": {"before": _build_stats(self.source), "after": _build_stats(self.circuit)},
            "virtual_physical_mapping": {
                "qubit_mapping": {str(v): p for v, p in enumerate(self.layout)},
                "bit_mapping": {str(i): i for i in range(self.source.num_clbits)},
            },
        }


def combine(given: JobInput, device: EmulatedDevice) -> Combined:
    """Put all programs of a multi_manual job side by side.

    Raises:
        JobFailedError: If one cannot be read, or they do not fit.
    """
    try:
        circuits = [parse_any(text) for text in given.programs or ()]
    except ProgramError:
        raise JobFailedError("failed to combine programs") from None
    if not circuits:
        raise JobFailedError("failed to combine programs")
    qubits = sum(circuit.num_qubits for circuit in circuits)
    if device.n_qubits is not None and qubits > device.n_qubits:
        raise JobFailedError("failed to combine programs: invalid qubit size")
    clbits = tuple(circuit.num_clbits for circuit in circuits)
    registers = [QuantumRegister(qubits, "q"), ClassicalRegister(sum(clbits), "c")]
    combined = QuantumCircuit(*registers[: 1 + any(clbits)])
    measurements: list[tuple[int, int]] = []
    qubit = clbit = 0
    for circuit in circuits:
        for instruction in circuit.data:
            where = [qubit + circuit.find_bit(q).index for q in instruction.qubits]
            if instruction.operation.name == "measure":
                bit = circuit.find_bit(instruction.clbits[0]).index
                measurements.append((where[0], clbit + bit))
            else:
                combined.append(instruction.operation, where)
        combined.global_phase += circuit.global_phase
        qubit += circuit.num_qubits
        clbit += circuit.num_clbits
    for measured, bit in measurements:
        combined.measure(measured, bit)
    return Combined(combined, circuits[0], clbits)


def transpiler_options(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the options of the server's transpiler, or None if it is off.

    Raises:
        JobFailedError: If one of the two fields that it needs is missing, or there is no such
            transpiler.
    """
    for key in ("transpiler_lib", "transpiler_options"):
        if key not in info:
            raise JobFailedError(f"'{key}'")
        if key == "transpiler_lib" and info[key] is None:
            return None
    if info["transpiler_lib"] != "qiskit":
        raise JobFailedError(NOT_TRANSPILED)
    return dict(info["transpiler_options"] or {})


def compile_for(
    source: str | QuantumCircuit,
    options: Mapping[str, Any],
    device: EmulatedDevice,
    *,
    keep_measurements: bool,
) -> Transpiled:
    """Compile a program for a device.

    Raises:
        JobFailedError: If that is not possible, for any reason.
    """
    if isinstance(source, str):
        _check_size(source)
    couplings = device.couplings
    number = device.n_qubits or 0
    coupling_map = CouplingMap.from_full(number) if couplings is None else CouplingMap(couplings)
    for qubit in set(range(number)) - set(coupling_map.physical_qubits):
        coupling_map.add_physical_qubit(qubit)
    try:
        circuit = parse_any(source) if isinstance(source, str) else source
        circuit = circuit if keep_measurements else remove_measurements(circuit)
        made = transpile(
            circuit, basis_gates=sorted(NATIVE_GATES), coupling_map=coupling_map, **options
        )
    # The user's options go straight to transpile(), which may raise anything.
    except Exception:  # noqa: BLE001
        raise JobFailedError(NOT_TRANSPILED) from None
    return Transpiled(circuit, made, *_find_layouts(circuit, made))


def _find_layouts(
    circuit: QuantumCircuit, made: QuantumCircuit
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where each qubit of a circuit begins and ends in the compiled one.

    Qiskit's ``initial_index_layout`` does that, but in Qiskit 2.0 it fails if idle qubits have no
    place; here they take the places that are left over.
    """
    layout = made.layout
    virtual = layout.initial_layout.get_virtual_bits()
    places = {layout.input_qubit_mapping[bit]: place for bit, place in virtual.items()}
    left = iter([place for i, place in sorted(places.items()) if i >= circuit.num_qubits])
    initial = tuple(places[i] if i in places else next(left) for i in range(circuit.num_qubits))
    if layout.final_layout is None:
        return initial, initial
    return initial, tuple(layout.final_layout[made.qubits[place]] for place in initial)


def device_program(source: str | QuantumCircuit, device: EmulatedDevice) -> NativeProgram:
    """Return a program as the device runs it.

    Raises:
        JobFailedError: If the device refuses it.
    """
    try:
        if isinstance(source, str):
            _check_size(source)
            program = parse_native(source)
        else:
            program = to_native(source)
    except ProgramError:
        raise JobFailedError(NOT_RUN) from None
    if device.n_qubits is not None and program.circuit.num_qubits > device.n_qubits:
        raise JobFailedError(NOT_RUN)
    return program


def check_operator(given: JobInput, circuit: QuantumCircuit, made: Transpiled | None) -> None:
    """Check the operator of an estimation.

    Raises:
        JobFailedError: If there is no operator, if the program lacks one of its qubits, or, with
            the transpiler on, if a qubit has no gate.
    """
    if given.operator is None:
        raise JobFailedError("the operator is not specified in the job.")
    used = {qubit for letters, _ in given.operator for qubit in letters}
    idle: set[int] = set()
    if made is not None:
        busy = {made.circuit.find_bit(q).index for item in made.circuit.data for q in item.qubits}
        idle = set(made.layout) - busy
    if idle or any(qubit >= circuit.num_qubits for qubit in used):
        raise JobFailedError(NOT_ESTIMATED)


def divide(counts: Counts, widths: tuple[int, ...]) -> dict[str, Counts]:
    """Divide counts among combined programs, the last one first; program 0 has the rightmost bits.

    >>> divide({"111": 4, "100": 6}, (2, 1))
    {'1': {'1': 10}, '0': {'11': 4, '00': 6}}
    """
    parts: dict[str, Counts] = {}
    end = 0
    for index, width in enumerate(widths):
        part: Counter[str] = Counter()
        for key, count in counts.items():
            part[key[len(key) - end - width : len(key) - end]] += count
        parts[str(index)] = dict(part)
        end += width
    return dict(reversed(parts.items()))


def estimate(
    simulator: Simulator,
    given: JobInput,
    program: NativeProgram,
    made: Transpiled | None,
    job: JobRecord,
    device: EmulatedDevice,
) -> dict[str, float]:
    """Return the estimation of an operator, in single precision as on the server."""
    circuit = remove_measurements(program.circuit)
    terms = list(given.operator or ())
    virtual: dict[int, int] = {}
    if made is not None:
        physical = made.final_layout
        terms = [({physical[q]: p for q, p in term.items()}, c) for term, c in terms]
        virtual = {p: v for v, p in enumerate(physical)}
    # Like the server: the error rates of the program's qubit numbers, not of the physical ones.
    readout: Readout = lambda qubit: device.readout(virtual.get(qubit, qubit))  # noqa: E731
    value, error = simulator.expectation(
        circuit, terms, job.shots or 1, readout if is_mitigated(job) else None, device
    )
    return {"exp_value": float(np.float32(value)), "stds": float(np.float32(error))}


def is_mitigated(job: JobRecord) -> bool:
    """Return whether readout mitigation was requested; unknown kinds are ignored."""
    return (job.mitigation_info or {}).get("ro_error_mitigation") == "pseudo_inverse"


def find_measured_qubits(circuit: QuantumCircuit) -> list[int]:
    """Return the qubit that was measured last into each classical bit that was measured."""
    found = {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.operation.name == "measure"
    }
    return [found[clbit] for clbit in sorted(found)]


def _check_size(text: str) -> None:
    size = len(text.encode()) + _ENVELOPE
    if size > MAX_MESSAGE:
        reason = f"CLIENT: Sent message larger than max ({size} vs. {MAX_MESSAGE})"
        raise JobFailedError(
            "<AioRpcError of RPC that terminated with:\n"
            f'\tstatus = StatusCode.RESOURCE_EXHAUSTED\n\tdetails = "{reason}"\n'
            f'\tdebug_error_string = "RESOURCE_EXHAUSTED:{reason}"\n>'
        )


def _build_stats(circuit: QuantumCircuit) -> dict[str, int]:
    sizes = [len(item.qubits) for item in circuit.data if item.operation.name not in _NO_GATES]
    return {
        "n_qubits": circuit.num_qubits,
        "n_gates": len(sizes),
        "n_gates_1q": sizes.count(1),
        "n_gates_2q": sizes.count(2),
        "depth": circuit.depth(),
    }
