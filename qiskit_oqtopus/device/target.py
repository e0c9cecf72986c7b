"""From the facts of a device to the Target that Qiskit compiles for (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from qiskit.circuit import Delay, Gate, Measure, Parameter
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from ..exceptions import OqtopusOptionError
from ..program.openqasm import PROGRAM_NAMES
from .device_info import CouplingFacts, QubitFacts
from .uncalibrated import find_left_out, known_fidelity, known_readout

DT = 2e-9
"""Sampling time of the control electronics in s; the engine takes it as the length of dt."""

GATES_OF_EVERY_DEVICE = ("x", "sx", "rz", "cx")
"""The gates that the engine runs on every device, whatever its ``basis_gates`` say (on real
devices they name neither x nor cx)."""

REFUSED_GATES = frozenset({"id"})
"""Gates that no device runs, although some list them in ``basis_gates``. Qiskit drops an ``id``
that is not in the Target, so that nothing is lost."""


class MeasureProperties(InstructionProperties):
    """Properties of a measurement that keep both readout errors apart.

    Attributes:
        duration: Duration in s, or None.
        error: Probability of reading the wrong bit, or None.
        prob_meas1_prep0: Probability of reading 1 after preparing 0, or None.
        prob_meas0_prep1: Probability of reading 0 after preparing 1, or None.

    >>> MeasureProperties(error=0.25, prob_meas1_prep0=0.5, prob_meas0_prep1=0.0)
    MeasureProperties(duration=None, error=0.25, prob_meas1_prep0=0.5, prob_meas0_prep1=0.0)
    """

    # Qiskit's class is made in Rust and takes its two numbers in __new__.
    def __new__(  # noqa: D102
        cls,
        duration: float | None = None,
        error: float | None = None,
        prob_meas1_prep0: float | None = None,
        prob_meas0_prep1: float | None = None,
    ) -> MeasureProperties:
        made: MeasureProperties = super().__new__(cls, duration, error)
        return made

    def __init__(
        self,
        duration: float | None = None,
        error: float | None = None,
        prob_meas1_prep0: float | None = None,
        prob_meas0_prep1: float | None = None,
    ) -> None:
        super().__init__(duration, error)
        self.prob_meas1_prep0 = prob_meas1_prep0
        self.prob_meas0_prep1 = prob_meas0_prep1

    # Without this, copies keep only what the Rust class knows of.
    def __reduce__(self) -> tuple[type[MeasureProperties], tuple[float | None, ...]]:
        values = (self.duration, self.error, self.prob_meas1_prep0, self.prob_meas0_prep1)
        return type(self), values

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(duration={self.duration}, error={self.error}, "
            f"prob_meas1_prep0={self.prob_meas1_prep0}, "
            f"prob_meas0_prep1={self.prob_meas0_prep1})"
        )


@cache
def _standard_gates() -> dict[str, Gate]:
    return {
        name: gate
        for name, gate in get_standard_gate_name_mapping().items()
        if isinstance(gate, Gate)
    }


def native_gates(basis_gates: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the gates of a Target, the ones of every device first.

    Args:
        basis_gates: The names that the device gives. Names that Qiskit does not know are dropped,
            because it cannot compile to them. So are gates that act on neither one nor two qubits,
            because facts are about qubits and couplings only, and gates that a program would have
            to define, because they cannot be sent.

    >>> native_gates(["sx", "rz", "rzx90", "id"])
    ('x', 'sx', 'rz', 'cx')
    >>> native_gates(["sx", "rz", "cz", "cz", "sxdg"])
    ('x', 'sx', 'rz', 'cx', 'cz')
    """
    known = _standard_gates()
    others = [
        name
        for name in basis_gates
        if name in known
        and known[name].num_qubits in (1, 2)
        and name in PROGRAM_NAMES
        and name not in REFUSED_GATES
    ]
    return tuple(dict.fromkeys([*GATES_OF_EVERY_DEVICE, *others]))


def device_target(
    *,
    num_qubits: int | None,
    basis_gates: Iterable[str],
    qubits: Sequence[QubitFacts] = (),
    couplings: Sequence[CouplingFacts] = (),
    measure_duration: float | None = None,
    dt: float = DT,
    description: str | None = None,
    include_uncalibrated: bool = False,
) -> Target:
    """Return the Target of a device.

    Qubit ``n`` of the Target is qubit ``$n`` of a program. A qubit that is not known (see
    :func:`.uncalibrated.find_left_out`) keeps its index and has no operations, so that the
    transpiler does not use it. (The trivial layout may use it, and then raises. Level 0 takes that
    layout, and level 1 for circuits that fit it.) A two-qubit gate exists only in the direction of
    its coupling; errors are ``1 - fidelity``, or None where that is not known. ``rz`` is virtual:
    its error and duration are 0.

    Without any facts of qubits, every operation is allowed everywhere (on any pair of qubits,
    because nothing is known of couplings) and no number is given.

    Args:
        num_qubits: Number of indices, or None where even that is not known.
        basis_gates: Names that the device gives, see :func:`native_gates`.
        qubits: Facts of the qubits.
        couplings: Facts of the couplings, between these qubits.
        measure_duration: Duration of every measurement in s; devices do not report it.
        dt: Sampling time in s.
        description: Description of the Target.
        include_uncalibrated: Whether qubits and couplings of which something is not known have
            operations nevertheless. The transpiler prefers them then.

    Raises:
        OqtopusOptionError: If ``measure_duration`` or ``dt`` is not a positive number.
    """
    _check_time("dt", dt)
    if measure_duration is not None:
        _check_time("measure_duration", measure_duration)
    gates = _standard_gates()
    names = native_gates(basis_gates)
    target = Target(
        description=description,
        num_qubits=num_qubits,
        dt=dt,
        qubit_properties=_qubit_properties(num_qubits, qubits),
    )
    if not qubits:
        for name in names:
            target.add_instruction(gates[name], None, name=name)
        measurement = {None: MeasureProperties(measure_duration)} if measure_duration else None
        target.add_instruction(Measure(), measurement, name="measure")
        target.add_instruction(Delay(Parameter("t")), None, name="delay")
        return target
    readout = known_readout(qubits)
    if not include_uncalibrated:
        left_out = find_left_out(num_qubits, qubits, couplings)
        qubits = [q for q in qubits if (q.id,) not in left_out]
        couplings = [c for c in couplings if (c.control, c.target) not in left_out]
    for name in names:
        properties: dict[tuple[int, ...], InstructionProperties]
        if gates[name].num_qubits == 1:
            properties = {(q.id,): _gate_properties(name, q) for q in qubits}
        else:
            properties = {(c.control, c.target): _pair_properties(name, c) for c in couplings}
        # A gate without qubits would count as part of the basis and be allowed nowhere: the
        # transpiler would compile to it and fail late.
        if properties:
            target.add_instruction(gates[name], properties, name=name)
    if qubits:
        measured = {(q.id,): _measure_properties(q, readout, measure_duration) for q in qubits}
        target.add_instruction(Measure(), measured, name="measure")
        target.add_instruction(Delay(Parameter("t")), {(q.id,): None for q in qubits}, name="delay")
    return target


def _check_time(name: str, value: Any) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or value <= 0:
        raise OqtopusOptionError(f"{name} must be a positive number of seconds, not {value!r}.")


def _qubit_properties(
    num_qubits: int | None, qubits: Sequence[QubitFacts]
) -> list[QubitProperties] | None:
    if num_qubits is None or not qubits:
        return None
    known = {q.id: q for q in qubits}
    return [
        QubitProperties(t1=known[i].t1, t2=known[i].t2) if i in known else QubitProperties()
        for i in range(num_qubits)
    ]


def _gate_properties(name: str, qubit: QubitFacts) -> InstructionProperties:
    if name == "rz":
        # Devices report up to 20 ns, but it is a change of the frame of later pulses.
        return InstructionProperties(duration=0.0, error=0.0)
    return InstructionProperties(qubit.durations.get(name), _error(qubit))


def _pair_properties(name: str, coupling: CouplingFacts) -> InstructionProperties:
    duration = coupling.cx_duration if name == "cx" else coupling.durations.get(name)
    return InstructionProperties(duration, _error(coupling))


def _measure_properties(
    qubit: QubitFacts, readout: Mapping[int, float], duration: float | None
) -> MeasureProperties:
    if qubit.id not in readout:
        return MeasureProperties(duration)
    return MeasureProperties(
        duration, qubit.measure_error, qubit.prob_meas1_prep0, qubit.prob_meas0_prep1
    )


def _error(facts: QubitFacts | CouplingFacts) -> float | None:
    fidelity = known_fidelity(facts)
    return None if fidelity is None else 1 - fidelity
