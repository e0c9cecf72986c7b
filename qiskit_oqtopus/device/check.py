"""Everything that a device cannot do with circuits, found before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from qiskit.circuit import (
    Barrier,
    ControlFlowOp,
    Delay,
    Gate,
    Instruction,
    Measure,
    ParameterExpression,
    QuantumCircuit,
    Reset,
    Store,
)
from qiskit.circuit.library import Initialize
from qiskit.transpiler import Target

from ..exceptions import Problem
from ..program.header import ProgramHeader
from ..program.openqasm import MAX_DEPTH, EncodingError, Measurements
from ..program.program import encode_metadata, encode_program
from .target import GATES_OF_EVERY_DEVICE

MAX_PROGRAM_BYTES = 4 * 2**20
"""The server's engine cannot take a longer program: that is the limit of its gRPC messages."""

_SOME_GROUP_ID = "group-00000000-0000-0000-0000-000000000000"
"""In place of the id of the group: it is as long, and only the length of a program matters here."""

LeftOut = Mapping[tuple[int, ...], str]
"""Why qubits and couplings have no operations, by (qubit,) or (control, target)."""

NOTHING: LeftOut = {}

_INSTRUCTION_BYTES, _QUBIT_BYTES = 128, 8
"""No instruction is written with more bytes: these for itself, and these for each of its qubits."""


def check_circuits(
    circuits: Sequence[QuantumCircuit],
    target: Target,
    transpiler: str | None,
    estimated: bool = False,
    left_out: LeftOut = NOTHING,
) -> list[Problem]:
    """Return everything that is wrong with circuits.

    Args:
        circuits: The circuits.
        target: What the device can do.
        transpiler: None if circuits run as they are, or the server's transpiler, which
            compiles any gates but can do no more than the device otherwise.
        estimated: Whether the server estimates an observable, for which nothing is measured here.
        left_out: Why qubits and couplings are not in the Target, as far as that is known.
    """
    problems: list[Problem] = []
    # Shared, since the circuits of a run have mostly the same gates on the same qubits.
    known: set[tuple[str, tuple[int, ...]]] = set()
    for index, circuit in enumerate(circuits):
        checker = _Checker(index, circuit, target, transpiler, estimated, known, left_out)
        checker.run()
        problems.extend(checker.problems)
    return problems


def check_for_twin(
    circuits: Sequence[QuantumCircuit],
    target: Target,
    *,
    estimated: bool,
    left_out: LeftOut = NOTHING,
) -> list[Problem]:
    """Return what a device cannot do, for its twin: without the cure that only the server offers.

    Args:
        circuits: The circuits.
        target: What the device can do.
        estimated: Whether a state is wanted, for which nothing needs to be measured.
        left_out: Why qubits and couplings are not in the Target, as far as that is known.
    """
    problems = [
        replace(problem, cure=problem.cure.removesuffix(_SERVERS_CURE))
        for problem in check_circuits(circuits, target, None, estimated, left_out)
    ]
    refused = {problem.circuit for problem in problems}
    for index, circuit in enumerate(circuits):
        each = _INSTRUCTION_BYTES + _QUBIT_BYTES * circuit.num_qubits
        # To write a program costs more than to check it: only what may be too long is written.
        if index in refused or len(circuit.data) * each <= MAX_PROGRAM_BYTES:
            problems.extend(check_metadata(index, circuit))
            continue
        try:
            program = encode_program(
                circuit,
                ProgramHeader(group=_SOME_GROUP_ID, index=index, total=len(circuits), shots=1),
                operator=() if estimated else None,
                dt=target.dt,
                basis=frozenset(target.operation_names),
            )
        except EncodingError as error:
            problems.append(encoding_problem(index, circuit, error))
        else:
            problems.extend(check_size(index, circuit, program.text))
    return problems


def encoding_problem(index: int, circuit: QuantumCircuit, error: EncodingError) -> Problem:
    """Return that the program of a circuit cannot be written."""
    where = (error.instruction, error.position, error.qubits)
    return Problem(index, circuit.name, error.reason, error.cure, *where)


def check_metadata(index: int, circuit: QuantumCircuit) -> list[Problem]:
    """Return what is wrong with the metadata of a circuit.

    This is for circuits whose programs are not written: to write one checks them anyway.
    """
    try:
        encode_metadata(circuit)
    except EncodingError as error:
        return [encoding_problem(index, circuit, error)]
    return []


def check_size(index: int, circuit: QuantumCircuit, program: str) -> list[Problem]:
    """Return what is wrong with the length of a program."""
    size = len(program.encode())
    if size <= MAX_PROGRAM_BYTES:
        return []
    reason = f"its program has {size:,} bytes, and OQTOPUS takes {MAX_PROGRAM_BYTES:,}"
    return [Problem(index, circuit.name, reason, "split the circuit, or send less metadata")]


_SERVERS_CURE = ", or use transpiler='qiskit'"


class _Checker:
    """The check of one circuit."""

    def __init__(
        self,
        index: int,
        circuit: QuantumCircuit,
        target: Target,
        transpiler: str | None,
        estimated: bool,
        known: set[tuple[str, tuple[int, ...]]],
        left_out: LeftOut,
    ) -> None:
        self.problems: list[Problem] = []
        self._index = index
        self._circuit = circuit
        self._target = target
        self._compiled = transpiler is None
        self._too_wide = target.num_qubits is not None and circuit.num_qubits > target.num_qubits
        self._estimated = estimated
        self._left_out = left_out
        self._known = known  # standard gates and qubits that the device has
        self._measurements = Measurements()

    def run(self) -> None:
        """Find the problems."""
        circuit = self._circuit
        if circuit.num_parameters:
            names = ", ".join(sorted(parameter.name for parameter in circuit.parameters))
            self._add(
                f"unbound parameters: {names}", "bind them with circuit.assign_parameters(...)"
            )
        if self._too_wide:
            self._add(
                f"it has {circuit.num_qubits} qubits and the device has {self._target.num_qubits}",
                "use fewer qubits, or another device",
            )
        if circuit.num_vars:
            self._add("it has classical variables, which OQTOPUS does not have", "leave them out")
        places = {bit: i for i, bit in enumerate(circuit.qubits)}
        clbits = {bit: i for i, bit in enumerate(circuit.clbits)}
        for position, instruction in enumerate(circuit.data):
            qubits = tuple([places[bit] for bit in instruction.qubits])
            if (
                instruction.is_standard_gate()
                and (instruction.name, qubits) in self._known
                and self._measurements.qubits.isdisjoint(qubits)
            ):
                continue
            bits = tuple([clbits[bit] for bit in instruction.clbits])
            self._check_instruction(position, instruction, qubits, bits)
        if self._estimated:
            self._check_idle()
        elif not self._measurements.clbits and not any(p.instruction for p in self.problems):
            self._add(
                "it measures nothing, so that it has no counts",
                "add measurements, for example circuit.measure_all()",
            )

    @property
    def _has_places(self) -> bool:
        """Whether each qubit stands for one of the device; if some cannot, that is said once."""
        return self._compiled and not self._too_wide

    def _add(
        self,
        reason: str,
        cure: str,
        position: int | None = None,
        name: str | None = None,
        qubits: tuple[int, ...] = (),
    ) -> None:
        self.problems.append(
            Problem(self._index, self._circuit.name, reason, cure, name, position, qubits)
        )

    def _check_instruction(
        self, position: int, instruction: Any, qubits: tuple[int, ...], clbits: tuple[int, ...]
    ) -> None:
        name = instruction.name
        where = (position, name, qubits)
        if instruction.is_standard_gate():
            self._check_order(where)
            if self._has_places:
                self._check_gate(where)
            return
        operation = instruction.operation
        if isinstance(operation, Barrier):
            return
        if isinstance(operation, Measure):
            self._check_measurement(where, clbits[0])
        elif isinstance(operation, Delay):
            self._check_delay(where, operation)
        elif isinstance(operation, Reset):
            self._add(
                "OQTOPUS cannot reset a qubit inside a circuit",
                "leave it out: each shot begins with all qubits in 0",
                *where,
            )
        elif isinstance(operation, Initialize):
            self._add(
                "it begins with a reset, which OQTOPUS cannot do, so that transpile(circuit, "
                "backend) fails",
                "use circuit.prepare_state(...): each shot begins with all qubits in 0",
                *where,
            )
        elif _resets(operation):
            self._add(
                "there is a reset in its definition, which OQTOPUS cannot do, so that "
                "transpile(circuit, backend) fails",
                "leave the reset out: each shot begins with all qubits in 0",
                *where,
            )
        elif isinstance(operation, (ControlFlowOp, Store)):
            self._add(
                "OQTOPUS has no control flow and no classical computation",
                "run it on QulacsBackend, or split it into circuits without",
                *where,
            )
        else:
            self._check_order(where)
            if self._has_places:
                self._check_gate(where, standard=False)
            elif (
                not self._compiled
                and getattr(operation, "definition", None) is None
                and name != "unitary"
            ):
                self._add(
                    "it is no standard gate and has no definition",
                    "give it a definition, or decompose it",
                    *where,
                )

    def _check_idle(self) -> None:
        """Check that no qubit is idle: the server's estimation fails on those if it compiles."""
        if self._compiled:
            return
        busy = {
            bit
            for item in self._circuit.data
            if not isinstance(item.operation, (Barrier, Delay))
            for bit in item.qubits
        }
        idle = [index for index, bit in enumerate(self._circuit.qubits) if bit not in busy]
        if idle:
            numbers = ", ".join(map(str, idle))
            noun = "qubit" if len(idle) == 1 else "qubits"
            self._add(
                f"{noun} {numbers} without a gate: the server's estimation fails on these if it "
                "compiles the circuit",
                "leave them out, leave transpiler out and compile with transpile(circuit, "
                "backend), or use estimation='local'",
            )

    def _check_gate(self, where: tuple[int, str, tuple[int, ...]], standard: bool = True) -> None:
        """Check that the device has a gate, and has it on these qubits."""
        _, name, qubits = where
        target = self._target
        if standard and target.instruction_supported(name, qubits):
            self._known.add((name, qubits))
            return
        cure = self._compile_it + _SERVERS_CURE
        # Even a gate of every device is not in a Target that leaves all of its places out.
        if not standard or name not in {*target.operation_names, *GATES_OF_EVERY_DEVICE}:
            known = ", ".join(sorted(target.operation_names))
            self._add(f"the device has no such gate, only {known}", cure, *where)
        elif any((qubit,) in self._left_out for qubit in qubits) or len(qubits) == 1:
            self._refuse_qubit(where)
        elif target.instruction_supported(name, qubits[::-1]):
            self._add("the device couples these qubits in the other direction only", cure, *where)
        else:
            reason = self._left_out.get(qubits, self._left_out.get(qubits[::-1]))
            if reason is None:
                self._add("the device does not couple these qubits", cure, *where)
            else:
                self._add(f"this coupling is left out: {reason}", cure, *where)

    @cached_property
    def _compile_it(self) -> str:
        """The cure of a circuit that is not compiled; levels 0 and 1 may not do it."""
        supported = self._target.instruction_supported
        places = range(min(self._circuit.num_qubits, self._target.num_qubits or 0))
        if all(supported("measure", (qubit,)) for qubit in places):
            return "compile it with transpile(circuit, backend)"
        return (
            "compile it with transpile(circuit, backend) at optimization_level 2 (its default) or "
            f"3, or with {self._good_layout}, since some qubits are left out"
        )

    @cached_property
    def _good_layout(self) -> str:
        """A layout that can be copied, unless the circuit is wider than what is left."""
        supported, width = self._target.instruction_supported, self._circuit.num_qubits
        left = sum(supported("measure", (qubit,)) for qubit in range(self._target.num_qubits or 0))
        if width <= left:
            return f"initial_layout=backend.good_qubits()[:{width}]"
        return "an initial_layout of backend.good_qubits(), one for each qubit that it needs"

    def _refuse_qubit(self, where: tuple[int, str, tuple[int, ...]]) -> None:
        """Refuse an instruction on a qubit that keeps its number and has no operations."""
        qubits = tuple(q for q in where[2] if (q,) in self._left_out) or where[2]
        reason = self._left_out.get(qubits[:1], "the device's calibration does not have it")
        self._add(
            f"qubit {qubits[0]} is left out: {reason}",
            "use another one, as transpile(circuit, backend) does at optimization_level 2 (its "
            f"default) and 3, and with {self._good_layout}",
            *where,
        )

    def _check_order(self, where: tuple[int, str, tuple[int, ...]]) -> None:
        refusal = self._measurements.refuse_gate(where[2])
        if refusal is not None:
            reason, cure = refusal
            self._add(reason, cure, *where)

    def _check_measurement(self, where: tuple[int, str, tuple[int, ...]], clbit: int) -> None:
        qubit = where[2][0]
        for reason, cure in self._measurements.add(qubit, clbit):
            self._add(reason, cure, *where)
        if self._has_places and not self._target.instruction_supported("measure", (qubit,)):
            self._refuse_qubit(where)

    def _check_delay(self, where: tuple[int, str, tuple[int, ...]], operation: Delay) -> None:
        if not self._compiled:
            self._add(
                "the server's transpiler cannot take a delay",
                "leave transpiler out and compile with transpile(circuit, backend)",
                *where,
            )
        elif isinstance(operation.duration, ParameterExpression) or operation.unit == "expr":
            self._add("its duration is not a number", "give it a number and a unit", *where)
        elif operation.unit == "dt" and self._target.dt is None:
            self._add("its duration is in dt, and the device has no dt", "give it in ns", *where)


def _resets(operation: Any, depth: int = 0) -> bool:
    """Return whether there is a reset in the definition of an operation that is no gate."""
    if isinstance(operation, Gate) or not isinstance(operation, Instruction) or depth > MAX_DEPTH:
        return False
    if isinstance(operation, Reset):
        return True
    definition = operation.definition
    return definition is not None and any(
        _resets(item.operation, depth + 1)
        for item in definition.data
        if not item.is_standard_gate()
    )
