"""A circuit as the OpenQASM 3 program that OQTOPUS runs: one ``q``, one ``c``, measured at the end.

Everything that OQTOPUS would run as something else is refused here. Its simulator samples the
final state, so that a measurement in the middle silently gives wrong counts. Its devices move the
measurements to the end. Its gateways agree on the width of an outcome only if each declared bit is
measured exactly once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qiskit.circuit import Barrier, ControlFlowOp, Delay, Measure, QuantumCircuit, Reset, Store
from qiskit.exceptions import QiskitError
from qiskit.transpiler.passes import HighLevelSynthesis

from ..circuits import SECONDS_PER_UNIT, units_per_second
from ..exceptions import OqtopusError

BASIS = frozenset(["x", "sx", "rz", "cx"])
"""The gates that every OQTOPUS gateway takes with the server's transpiler off."""

# fmt: off
STDGATES = frozenset([
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp",
    "crx", "cry", "crz", "ch", "swap", "ccx", "cswap", "cu", "u1", "u2", "u3", "id",
])
"""The gates of ``stdgates.inc`` that have the same name in Qiskit: no definition is needed."""
# fmt: on

PROGRAM_NAMES: Mapping[str, str] = {**{name: name for name in STDGATES}, "u": "U"}
"""Qiskit's name of each gate that a program can have without defining it -> its name there."""

MAX_DEPTH = 100
"""Definitions of gates that are nested deeper than this are taken to contain themselves."""


class EncodingError(OqtopusError):
    """A circuit cannot be sent as it is, and is not sent as anything else.

    Attributes:
        reason: What is wrong.
        position: Index of the instruction in ``circuit.data``, or None.
        instruction: Its name, or None.
        qubits: The indices of its qubits.
        cure: What the caller can do.
    """

    def __init__(
        self,
        reason: str,
        position: int | None = None,
        instruction: str | None = None,
        qubits: Sequence[int] = (),
        cure: str = "change the circuit",
    ) -> None:
        self.reason = reason
        self.position = position
        self.instruction = instruction
        self.qubits = tuple(qubits)
        self.cure = cure
        where = ""
        if instruction is not None:
            on = ", ".join(map(str, self.qubits))
            where = f"instruction {position} ({instruction!r} on qubits {on}): "
        super().__init__(where + reason)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.position, self.instruction, self.qubits, self.cure)


class Measurements:
    """The rule that OQTOPUS measures at the end: what has been measured, and what that forbids.

    Each qubit is measured once, each into a classical bit of its own, and no gate comes after that.

    Attributes:
        clbits: Classical bit -> the qubit that it measures.
        qubits: The qubits that are measured.
    """

    def __init__(self) -> None:
        self.clbits: dict[int, int] = {}
        self.qubits: set[int] = set()

    def add(self, qubit: int, clbit: int) -> list[tuple[str, str]]:
        """Take note of a measurement, and return what is wrong with it as (reason, cure)."""
        wrong = []
        if qubit in self.qubits:
            wrong.append(("this qubit is measured twice", "measure each qubit once"))
        if clbit in self.clbits:
            reason = f"classical bit {clbit} is written twice"
            wrong.append((reason, "measure each qubit into its own"))
        self.qubits.add(qubit)
        self.clbits[clbit] = qubit
        return wrong

    def refuse_gate(self, qubits: Sequence[int]) -> tuple[str, str] | None:
        """Return why a gate cannot stand here as (reason, cure); None if it can."""
        for qubit in qubits:
            if qubit in self.qubits:
                return (
                    f"it comes after the measurement of qubit {qubit}, and OQTOPUS measures at the "
                    "end only",
                    "measure at the end, or run it on QulacsBackend",
                )
        return None


@dataclass(frozen=True)
class Body:
    """A program without its header.

    Attributes:
        text: OpenQASM 3 without definitions of gates, each line ended by a newline.
        clbits: Bit ``c[j]`` of the program is the classical bit ``clbits[j]`` of the circuit.
        qubits: Bit ``c[j]`` of the program is measured on qubit ``qubits[j]``.
    """

    text: str
    clbits: tuple[int, ...]
    qubits: tuple[int, ...]


def encode_body(
    circuit: QuantumCircuit,
    *,
    transpiler: str | None = None,
    dt: float | None = None,
    basis: frozenset[str] = BASIS,
    measured: bool = True,
) -> Body:
    """Return the program that is sent for a circuit; its layout plays no part in that.

    Barriers stay, on the qubits that are not measured yet. Delays stay too, in ns, except those of
    zero and those after the measurement of their qubit, which schedulers add.

    Args:
        circuit: The circuit. With ``transpiler=None`` its qubit n is qubit n of the device.
        transpiler: None to run the gates as they are. Else the server compiles the program: all
            unitary gates can be sent, and those that are not in ``stdgates.inc`` are written as
            gates that are. Delays cannot, since the server's transpiler refuses them.
        dt: Unit of the delays that are given in dt, in s.
        basis: Gates of the device. Beyond :data:`BASIS`, those in ``stdgates.inc`` can be sent;
            ``id`` is left out of the program, since no gateway takes it.
        measured: Whether the circuit measures something, as it must if counts are wanted. The
            program of a circuit that measures nothing has no bits.

    Raises:
        EncodingError: The circuit cannot be written without changing what it means.
    """
    if circuit.num_parameters:
        unbound = ", ".join(sorted(parameter.name for parameter in circuit.parameters))
        raise EncodingError(f"it has unbound parameters: {unbound}")
    steps, places = _split_measurements(circuit)
    if not places and measured:
        raise EncodingError("it measures nothing")
    if places and not measured:
        raise EncodingError("it measures something, where only its state is wanted")
    if transpiler is None:
        names = _gate_names(basis)
    else:
        names = PROGRAM_NAMES
        steps = _expand_all(steps)
    clbits = tuple(sorted(places))
    qubits = tuple(places[j] for j in clbits)
    return Body(_write(circuit.num_qubits, steps, list(qubits), dt, names), clbits, qubits)


def delay_ns(duration: Any, unit: str, dt: float | None) -> str | None:
    """Return a delay in ns as OpenQASM 3 writes it, or None for a delay of zero.

    Numbers are rounded to 1e-6 ns: without that, 0.1 us would be 100.00000000000001 ns, which
    gateways round up to the next step of their clock.

    Raises:
        EncodingError: It is in dt and dt is not known, or not a time.

    >>> delay_ns(0.1, "us", None), delay_ns(160, "dt", 2e-9), delay_ns(2.5, "ns", None)
    ('100', '320', '2.5')
    >>> delay_ns(0, "dt", None) is None
    True
    """
    try:
        value = float(duration)
    except (TypeError, ValueError) as error:
        raise EncodingError(f"its duration {duration} is not a number") from error
    if not math.isfinite(value) or value < 0:
        raise EncodingError(f"its duration {value} is not a time")
    if value == 0:
        return None
    if unit == "dt":
        if dt is None:
            raise EncodingError("its duration is in dt, and how long dt is, is not known")
        value *= dt * units_per_second("ns")
    elif unit in SECONDS_PER_UNIT:
        value *= units_per_second("ns") / units_per_second(unit)
    else:
        raise EncodingError(f"its duration has the unit {unit!r}, which is not one of time")
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return None if text == "0" else text


Step = tuple[int, Any, tuple[int, ...]]
"""Position in the circuit, CircuitInstruction, indices of the qubits."""


def _split_measurements(circuit: QuantumCircuit) -> tuple[list[Step], dict[int, int]]:
    """Return what comes before the measurements, and the measured qubit by classical bit."""
    qubit_index = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbit_index = {bit: index for index, bit in enumerate(circuit.clbits)}
    steps: list[Step] = []
    measurements = Measurements()
    done = measurements.qubits
    for position, item in enumerate(circuit.data):
        qubits = tuple([qubit_index[bit] for bit in item.qubits])
        if not done and item.is_standard_gate():
            steps.append((position, item, qubits))
            continue
        name = item.name
        if name == "measure" and isinstance(item.operation, Measure):
            for reason, cure in measurements.add(qubits[0], clbit_index[item.clbits[0]]):
                raise EncodingError(reason, position, name, qubits, cure)
        elif name == "barrier" and isinstance(item.operation, Barrier):
            qubits = tuple(qubit for qubit in qubits if qubit not in done)
            if qubits:
                steps.append((position, item, qubits))
        else:
            refusal = measurements.refuse_gate(qubits)
            if refusal is None:
                steps.append((position, item, qubits))
            elif not isinstance(item.operation, Delay):
                raise EncodingError(refusal[0], position, name, qubits, refusal[1])
    return steps, measurements.clbits


@lru_cache(maxsize=64)
def _gate_names(basis: frozenset[str]) -> Mapping[str, str]:
    """Return Qiskit's name of each gate that may be sent -> its name in the program."""
    taken = {name: text for name, text in PROGRAM_NAMES.items() if name in BASIS | basis}
    # Devices name the identity, yet the gateways refuse a program that has it.
    return {**taken, "id": ""} if "id" in taken else taken


def _expand_all(steps: list[Step]) -> list[Step]:
    """Return steps with only gates of ``stdgates.inc``.

    Qiskit's exporter could define the other gates in the program. But it writes some of them in a
    way that no parser reads (Pauli gates, and the amplitudes of a state preparation), seen with
    Qiskit 2.0 and 2.6.
    """
    found: list[Step] = []
    for position, item, qubits in steps:
        if item.is_standard_gate() and item.name in PROGRAM_NAMES:
            found.append((position, item, qubits))
            continue
        operation = item.operation
        if not isinstance(operation, Delay):
            _expand((position, item, qubits), item, qubits, found, 0)
        # How long dt is does not matter to whether the delay is zero.
        elif _write_delay(operation, position, qubits, 1.0) is not None:
            reason = "the transpiler of the server does not take delays"
            raise EncodingError(reason, position, item.name, qubits)
    return found


def _expand(
    origin: Step, item: Any, qubits: tuple[int, ...], found: list[Step], depth: int
) -> None:
    """Append one instruction to ``found``, as Qiskit's own definitions build it from others."""
    position, top, top_qubits = origin
    operation = item.operation
    if isinstance(operation, Barrier) or (item.is_standard_gate() and item.name in PROGRAM_NAMES):
        found.append((position, item, qubits))
        return
    if item.clbits or isinstance(operation, (ControlFlowOp, Delay, Measure, Reset, Store)):
        reason = (
            "it is not a gate" if depth == 0 else f"it contains {item.name!r}, which is no gate"
        )
        raise EncodingError(reason, position, top.name, top_qubits)
    definition = None if depth > MAX_DEPTH else _find_definition(operation)
    if definition is None:
        reason = f"nothing says which standard gates {item.name!r} is made of"
        raise EncodingError(reason, position, top.name, top_qubits)
    index = dict(zip(definition.qubits, qubits, strict=True))
    # The global phase of a definition is one of the whole program: no control is left around it.
    for inner in definition.data:
        inner_qubits = tuple([index[bit] for bit in inner.qubits])
        _expand(origin, inner, inner_qubits, found, depth + 1)


def _find_definition(operation: Any) -> QuantumCircuit | None:
    definition = getattr(operation, "definition", None)
    if definition is not None:
        return definition
    # Permutations, Cliffords and annotated gates have none: only the transpiler can make one.
    program = QuantumCircuit(operation.num_qubits)
    program.append(operation, range(operation.num_qubits))
    try:
        return HighLevelSynthesis()(program)
    except QiskitError:
        return None


def _write(
    num_qubits: int,
    steps: list[Step],
    measured: list[int],
    dt: float | None,
    names: Mapping[str, str],
) -> str:
    """Write the program; ``measured`` holds the qubit of each bit of ``c``."""
    q = [f"q[{index}]" for index in range(num_qubits)]
    lines = [
        "OPENQASM 3.0;",
        'include "stdgates.inc";',
        f"qubit[{num_qubits}] q;",
    ]
    if measured:
        lines.append(f"bit[{len(measured)}] c;")
    for position, item, qubits in steps:
        name = item.name
        if name in names and item.is_standard_gate():
            text = names[name]
            if not text:
                continue
            if item.params:
                angles = [_write_angle(angle, position, item, qubits) for angle in item.params]
                text = f"{text}({', '.join(angles)})"
            targets = q[qubits[0]] if len(qubits) == 1 else ", ".join([q[n] for n in qubits])
            lines.append(f"{text} {targets};")
        elif name == "barrier" and isinstance(item.operation, Barrier):
            lines.append(f"barrier {', '.join([q[index] for index in qubits])};")
        elif name == "delay" and isinstance(item.operation, Delay):
            time = _write_delay(item.operation, position, qubits, dt)
            if time is not None:
                lines.append(f"delay[{time}ns] {q[qubits[0]]};")
        else:
            taken = ", ".join(sorted(names))
            reason = f"it is none of {taken}, barrier, delay and measure"
            raise EncodingError(reason, position, name, qubits)
    lines += [f"c[{j}] = measure {q[index]};" for j, index in enumerate(measured)]
    return "\n".join(lines) + "\n"


def _write_delay(
    operation: Any, position: int, qubits: tuple[int, ...], dt: float | None
) -> str | None:
    try:
        return delay_ns(operation.duration, operation.unit, dt)
    except EncodingError as error:
        raise EncodingError(error.reason, position, operation.name, qubits) from error


def _write_angle(angle: Any, position: int, item: Any, qubits: tuple[int, ...]) -> str:
    try:
        value = float(angle)
    except (TypeError, ValueError) as error:
        reason = f"its angle {angle} is not a real number"
        raise EncodingError(reason, position, item.name, qubits) from error
    if not math.isfinite(value):
        raise EncodingError(f"its angle is {value}", position, item.name, qubits)
    return repr(value)
