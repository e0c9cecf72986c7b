"""Time on a device: when pulses start and qubits are read, and when a circuit asks for that.

The gateway of real OQTOPUS devices treats each barrier and each rz, on whatever qubit, as a barrier
over all qubits; everything else starts as soon as its qubits are free; and all qubits are read
together at the end. So what a circuit has side by side may happen one after another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qiskit.circuit import Delay, QuantumCircuit
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES
from qiskit.transpiler import Target

from ..circuits import seconds_of
from ..program.openqasm import EncodingError
from .device_info import NS_PER_S
from .target import DT

Instruction = tuple[str, Sequence[int], float | None]
"""Name, qubits and duration in s of an instruction; None counts as 0."""

GLOBAL_BARRIERS = "global_barriers"
"""The name of the rule above, as an option."""

_PULSELESS = frozenset({"barrier", "delay", "rz", "id", "measure"})
"""What leaves a qubit in its ground state: rz is a change of the frame, and id is never sent."""


@dataclass(frozen=True)
class Schedule:
    """When the instructions of a circuit happen; times in s.

    Attributes:
        starts: Start of each instruction, in the order of the circuit, from its beginning; of a
            measurement, when the qubit is read.
        spans: Qubit -> time between the start of its first pulse and its readout. Qubits without
            a pulse, which stay in 0, and those that are not read are not in it.
    """

    starts: tuple[float, ...]
    spans: dict[int, float] = field(hash=False)


@dataclass(frozen=True)
class Timing:
    """The time that a circuit takes on a device, and the time that it asks for.

    Attributes:
        device: On the device, see :func:`schedule_global_barriers`.
        asked: As the circuit asks, see :func:`schedule_late`.
        delayed: Qubits with delays that take time, ascending.
        delay_on_device: Time in s during which at least one qubit is in a delay, on the device.
        delay_asked: The same as the circuit asks. Where it is shorter, delays of different qubits
            that are to overlap are made one after another.
    """

    device: Schedule
    asked: Schedule
    delayed: tuple[int, ...]
    delay_on_device: float
    delay_asked: float


def compare_timing(circuit: QuantumCircuit, target: Target) -> Timing:
    """Return how long a circuit takes on a real device, beside what it asks for.

    Args:
        circuit: A circuit that the device takes.
        target: The durations; one that is missing counts as 0.

    Raises:
        EncodingError: If the circuit has control flow, a delay that is not a time, or a gate after
            a measurement.
    """
    return _compare(read_instructions(circuit, target))


def compare_if_delayed(circuit: QuantumCircuit, target: Target) -> Timing | None:
    """Return what :func:`compare_timing` does, or None if not several qubits have delays.

    Args:
        circuit: A circuit that the device takes.
        target: The durations; one that is missing counts as 0.

    Raises:
        EncodingError: As :func:`compare_timing`.
    """
    # Counted in Rust: most circuits have no delay, and cost next to nothing.
    if circuit.count_ops().get("delay", 0) < 2:
        return None
    instructions = read_instructions(circuit, target)
    return _compare(instructions) if len(_find_delayed(instructions)) > 1 else None


def _compare(instructions: Sequence[Instruction]) -> Timing:
    device, asked = schedule_global_barriers(instructions), schedule_late(instructions)
    return Timing(
        device,
        asked,
        tuple(sorted(_find_delayed(instructions))),
        _measure_delays(instructions, device.starts),
        _measure_delays(instructions, asked.starts),
    )


def read_instructions(circuit: QuantumCircuit, target: Target) -> list[Instruction]:
    """Return the instructions of a circuit with their durations.

    Args:
        circuit: A circuit without control flow.
        target: The durations; one that is missing is None.

    Raises:
        EncodingError: If the circuit has control flow, or a delay that is not a time.
    """
    places = {bit: index for index, bit in enumerate(circuit.qubits)}
    tables: dict[str, Any] = {"barrier": {}}
    found: list[Instruction] = []
    dt = target.dt
    for position, item in enumerate(circuit.data):
        name = item.name
        qubits = tuple([places[bit] for bit in item.qubits])
        if name == "delay" and isinstance(operation := item.operation, Delay):
            seconds = seconds_of(operation, dt)
            if seconds is None:
                reason = f"its duration {operation.duration} is not a time"
                raise EncodingError(reason, position, name, qubits)
            found.append((name, qubits, seconds))
            continue
        if name not in tables:
            if name in CONTROL_FLOW_OP_NAMES:
                raise EncodingError("what happens when is not known", position, name, qubits)
            tables[name] = target.get(name, {})
        table = tables[name]
        properties = table.get(qubits) or table.get(None)
        found.append((name, qubits, None if properties is None else properties.duration))
    return found


def schedule_global_barriers(instructions: Sequence[Instruction]) -> Schedule:
    """Return when instructions happen on a real device.

    Each barrier and each rz makes all qubits wait for each other. (The gateway has a second barrier
    after an rz on the target of a coupling, where nothing has happened since the first.) Between
    barriers, an instruction starts as soon as its qubits are free. Delays are rounded up to 2 ns.
    All qubits are read together, when the last instruction has ended. Delays after the measurement
    of their qubit are not sent, and neither are barriers on measured qubits only.

    Args:
        instructions: Those of a circuit without control flow, in its order.

    Raises:
        EncodingError: If a gate comes after a measurement.

    >>> pulses = [("x", [0], 2e-8), ("delay", [0], 1e-6), ("x", [1], 2e-8), ("rz", [1], None)]
    >>> read = [("measure", [0], None), ("measure", [1], None)]
    >>> schedule = schedule_global_barriers([*pulses, ("x", [1], 2e-8), *read])
    >>> {qubit: round(1e6 * span, 3) for qubit, span in schedule.spans.items()}
    {0: 1.04, 1: 1.04}
    """
    starts = [0.0] * len(instructions)
    free: dict[int, float] = {}  # when the qubit has nothing more to do
    pulsed: dict[int, float] = {}
    barrier = end = 0.0  # of the last barrier, and of all that has come
    unread: list[int] = []  # instructions that have to wait for the readout
    measured: set[int] = set()
    for number, (name, qubits, seconds) in enumerate(instructions):
        if name == "measure":
            measured.update(qubits)
            unread.append(number)
            continue
        if name == "barrier":
            if not measured.issuperset(qubits):
                barrier = end
            starts[number] = barrier
            continue
        if not measured.isdisjoint(qubits):
            if name != "delay":
                reason = "it comes after a measurement, and devices measure at the end only"
                raise EncodingError(reason, number, name, qubits, "measure at the end")
            unread.append(number)
            continue
        if name == "rz":
            barrier = end
        elif name == "delay":
            seconds = _round_up(seconds or 0.0)
        start = barrier
        for qubit in qubits:
            if qubit in free and free[qubit] > start:
                start = free[qubit]
        starts[number] = start
        if name not in _PULSELESS:
            for qubit in qubits:
                pulsed.setdefault(qubit, start)
        if seconds:
            start += seconds
            if start > end:
                end = start
        for qubit in qubits:
            free[qubit] = start
    for number in unread:
        starts[number] = end
    return Schedule(tuple(starts), {q: end - t for q, t in pulsed.items() if q in measured})


def _round_up(seconds: float) -> float:
    """Return the length of a delay on the device: whole steps of its clock."""
    # A program has delays in ns with 6 decimals: 100.0000000001 ns are no step more than 100.
    step = round(DT * NS_PER_S)
    return math.ceil(round(seconds * NS_PER_S, 6) / step) * step / NS_PER_S


def schedule_late(instructions: Sequence[Instruction]) -> Schedule:
    """Return when instructions happen if all start as late as the circuit lets them.

    The last instructions end together, so that measurements at the end of a circuit are taken at
    once, or with one length end at once, and a qubit waits after its first instruction rather than
    before it, where it is in state 0 and would not relax (the ALAP schedule of Qiskit's
    ``ALAPScheduleAnalysis``). A barrier makes its own qubits wait for each other.

    Args:
        instructions: Those of a circuit without control flow, in its order.

    >>> steps = [("x", [0], 0.25), ("x", [1], 0.5), ("barrier", [0, 1], None), ("measure", [0], 1)]
    >>> schedule_late(steps)
    Schedule(starts=(0.25, 0.0, 0.5, 0.5), spans={0: 0.25})
    """
    before_end = [0.0] * len(instructions)  # the start of each, counted from the end
    following: dict[int, float] = {}  # that of the next instruction of the qubit
    read: dict[int, float] = {}
    pulsed: dict[int, float] = {}
    for number in range(len(instructions) - 1, -1, -1):
        name, qubits, seconds = instructions[number]
        time = 0.0
        for qubit in qubits:
            if qubit in following and following[qubit] > time:
                time = following[qubit]
        if seconds:
            time += seconds
        before_end[number] = time
        for qubit in qubits:
            following[qubit] = time
        if name not in _PULSELESS:
            for qubit in qubits:
                pulsed[qubit] = time
        elif name == "measure":
            for qubit in qubits:
                read.setdefault(qubit, time)
    length = max(following.values(), default=0.0)
    return Schedule(
        tuple([length - time for time in before_end]),
        {qubit: pulsed[qubit] - read[qubit] for qubit in sorted(pulsed) if qubit in read},
    )


def _find_delayed(instructions: Sequence[Instruction]) -> set[int]:
    """Return the qubits with delays that take time."""
    return {
        q for name, qubits, seconds in instructions if name == "delay" and seconds for q in qubits
    }


def _measure_delays(instructions: Sequence[Instruction], starts: Sequence[float]) -> float:
    """Return the time during which at least one qubit is in a delay, in s."""
    delays = sorted(
        [
            (start, start + seconds)
            for (name, _, seconds), start in zip(instructions, starts, strict=True)
            if name == "delay" and seconds
        ]
    )
    total = until = 0.0
    for start, end in delays:
        if end > until:
            total += end - max(start, until)
            until = end
    return total
