"""What a calibration does not know, and which qubits and couplings have no operations then (pure).

Qiskit scores an error that is not known as 0. One uncalibrated qubit among calibrated ones would
attract every circuit, and have no noise on the twin: it would look best exactly where the chip is
unknown. So it has no operations.

A quantity counts as unknown only if another qubit (or coupling) of the device has it: a device that
reports no readout errors at all has no better qubits to offer.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from .device_info import CouplingFacts, QubitFacts

ONE_QUBIT_NOISE = 1 / 2
"""Average fidelity of a gate that leaves nothing but noise on a qubit, 1/d with d = 2. A fidelity
that is not above it is what devices write where they know nothing (0, 0.25)."""

TWO_QUBIT_NOISE = 1 / 4
"""The same for two qubits, d = 4."""


def known_fidelity(facts: QubitFacts | CouplingFacts) -> float | None:
    """Return a fidelity, or None if it is missing, impossible, or no better than noise.

    >>> known_fidelity(QubitFacts(0, fidelity=0.999)), known_fidelity(QubitFacts(0, fidelity=0.25))
    (0.999, None)
    """
    noise = TWO_QUBIT_NOISE if isinstance(facts, CouplingFacts) else ONE_QUBIT_NOISE
    fidelity = facts.fidelity
    return fidelity if fidelity is not None and noise < fidelity <= 1 else None


def known_readout(qubits: Sequence[QubitFacts]) -> dict[int, float]:
    """Return the readout errors that are known, by the id of the qubit.

    One all of whose numbers are 0 is not known: devices write that where they have not measured it.

    >>> known_readout([QubitFacts(0, readout_assignment_error=0.01), QubitFacts(1)])
    {0: 0.01}
    """
    return {
        q.id: q.measure_error
        for q in qubits
        if q.measure_error is not None and 0 <= q.measure_error <= 1 and _states_readout(q)
    }


def find_left_out(
    num_qubits: int | None,
    qubits: Sequence[QubitFacts],
    couplings: Sequence[CouplingFacts],
) -> dict[tuple[int, ...], str]:
    """Return why qubits and couplings have no operations: reasons by (qubit,) or (control, target).

    These are qubits that the device does not list; qubits whose one-qubit fidelity or readout
    error is unknown; couplings of one of these; and couplings whose fidelity is unknown.

    Args:
        num_qubits: Number of qubits of the device.
        qubits: The qubits that it lists; without any, nothing is left out.
        couplings: Their couplings.
    """
    if not qubits:
        return {}
    listed = {q.id for q in qubits}
    reasons: dict[tuple[int, ...], str] = {
        (id_,): "it is not in the list of qubits"
        for id_ in range(num_qubits or 0)
        if id_ not in listed
    }
    fidelities = {q.id for q in qubits if known_fidelity(q) is not None}
    readout = known_readout(qubits)
    for q in qubits:
        unknown = []
        if fidelities and q.id not in fidelities:
            unknown.append(f"its one-qubit fidelity is {_show(q.fidelity)}")
        if readout and q.id not in readout:
            unknown.append(f"its readout error is {_show(q.measure_error)}")
        if unknown:
            reasons[q.id,] = " and ".join(unknown)
    calibrated = any(known_fidelity(c) is not None for c in couplings)
    marked = bool(calibrated or fidelities or readout)
    for c in couplings:
        ends = [id_ for id_ in (c.control, c.target) if (id_,) in reasons]
        if ends:
            reasons[c.control, c.target] = f"qubit {ends[0]} is left out"
        # A device that knows anything at all marks couplings that could not be calibrated by 0.
        elif known_fidelity(c) is None and (calibrated or (marked and c.fidelity is not None)):
            reasons[c.control, c.target] = f"its fidelity is {_show(c.fidelity)}"
    return reasons


def find_worthless(
    qubits: Sequence[QubitFacts],
    couplings: Sequence[CouplingFacts],
    left_out: Container[tuple[int, ...]],
) -> list[str]:
    """Return which fidelities are no better than noise, although nothing is left out for that."""
    kept = [c for c in couplings if (c.control, c.target) not in left_out]
    kinds: dict[str, Sequence[QubitFacts | CouplingFacts]] = {
        f"each one-qubit fidelity is {ONE_QUBIT_NOISE:g} or less": qubits,
        f"each fidelity of a coupling is {TWO_QUBIT_NOISE:g} or less": kept,
    }
    return [
        f"{words}, no better than noise"
        for words, facts in kinds.items()
        if any(f.fidelity is not None for f in facts)
        and all(known_fidelity(f) is None for f in facts)
    ]


def _states_readout(qubit: QubitFacts) -> bool:
    return bool(qubit.prob_meas1_prep0 or qubit.prob_meas0_prep1 or qubit.readout_assignment_error)


def _show(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:g} (no better than noise)" if value else "0"
