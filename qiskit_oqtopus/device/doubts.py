"""What a device does otherwise than circuits ask, though it refuses nothing: words for warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from ..program.openqasm import EncodingError
from .timing import Timing, compare_if_delayed

MAX_GATES = 4_000
"""Gates of a circuit that a gateway takes in minutes: it copies the circuit at each rz and sx, and
3,700 gates took about 3 minutes on a device-gateway 1.1.13."""

_SHARE, _LEAST = 0.02, 100e-9
"""What is longer by less than this share, or by less than this in s, is as long as it was asked."""

_SHOWN = 8
"""Qubits that a warning names at most."""

_NO_GATES = ("barrier", "delay", "measure")


def find_doubts(
    circuits: Mapping[int, QuantumCircuit], target: Target, *, timed: bool
) -> Iterator[str]:
    """Yield what is worth a warning, each kind once for all circuits.

    Args:
        circuits: The circuits that the device takes, by their place in the run.
        target: The device.
        timed: Whether it is a real device that runs them as they are, so that their time matters.
    """
    if timed:
        yield from _find_stretched(circuits, target)
    yield from _find_long(circuits)


def _find_stretched(circuits: Mapping[int, QuantumCircuit], target: Target) -> Iterator[str]:
    """Yield that a circuit takes longer than it asks, if one does."""
    # The last first: sweeps end with their longest delays. One is enough for a warning, and to look
    # at a circuit takes a good part of the time in which its program is written.
    for index, circuit in reversed(list(circuits.items())):
        try:
            timing = compare_if_delayed(circuit, target)
        except EncodingError:
            # A delay after a measurement may be no time at all, since it is not sent.
            continue
        findings = [] if timing is None else list(_describe(timing))
        if not findings:
            continue
        yield (
            "A real device makes all qubits wait at each barrier and at each rz, and reads all of "
            f"them together at the end. In circuit {index} ({circuit.name!r}), for example, "
            f"{', and '.join(findings)}. Use fewer qubits at a time (BatchExperiment in place of "
            "ParallelExperiment), or no barrier and no rz between pulses and readout. What this "
            "does to the counts shows backend.twin(timing='global_barriers')."
        )
        return


def _describe(timing: Timing) -> Iterator[str]:
    """Yield what takes longer than asked."""
    if _is_longer(timing.delay_on_device, timing.delay_asked):
        listed = _list([str(qubit) for qubit in timing.delayed])
        yield (
            f"the delays of qubits {listed} are made one after another, in "
            f"{_write(timing.delay_on_device)} (asked: {_write(timing.delay_asked)})"
        )
    asked = timing.asked.spans
    late = [
        f"{_write(span)} on qubit {qubit} (asked: {_write(asked[qubit])})"
        for qubit, span in sorted(timing.device.spans.items())
        if _is_longer(span, asked[qubit])
    ]
    if late:
        yield f"from the first pulse to the readout it is {_list(late)}"


def _is_longer(seconds: float, asked: float) -> bool:
    return seconds - asked > max(_SHARE * asked, _LEAST)


def _find_long(circuits: Mapping[int, QuantumCircuit]) -> Iterator[str]:
    """Yield that circuits have very many gates."""
    longest, number = (MAX_GATES, -1), 0
    for index, circuit in circuits.items():
        if len(circuit.data) <= MAX_GATES:
            continue
        counted = circuit.count_ops()
        gates = sum(counted.values()) - sum(counted.get(name, 0) for name in _NO_GATES)
        number += gates > MAX_GATES
        if gates > longest[0]:
            longest = gates, index
    if not number:
        return
    gates, index = longest
    others = "" if number == 1 else f"; {number} circuits have over {MAX_GATES:,}"
    yield (
        f"Circuit {index} ({circuits[index].name!r}) has {gates:,} gates{others}. To prepare 3,700 "
        "gates took a gateway about 3 minutes, and more of them take longer than in proportion; "
        "nobody's jobs run on the device meanwhile. Use shorter circuits."
    )


def _list(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def _write(seconds: float) -> str:
    """Return a time in us, with three digits or all that are before the point.

    >>> _write(0.000320096), _write(1.5e-6), _write(0.002459)
    ('320 us', '1.5 us', '2,459 us')
    """
    us = seconds * 1e6
    return f"{us:,.0f} us" if us >= 100 else f"{us:.3g} us"
