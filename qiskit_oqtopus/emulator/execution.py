"""Run programs on the local simulator, and turn the outcomes into what the server returns."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from ..device.snapshot import DeviceSnapshot
from ..exceptions import OqtopusCircuitError, OqtopusJobTimeoutError, Problem
from ..simulator.backend import QulacsBackend
from ..simulator.job import QulacsJob
from .devices import EmulatedDevice
from .job_input import JobFailedError
from .programs import NativeProgram
from .vendor import Vendor, VendorJob

Counts = dict[str, int]
Readout = Callable[[int], tuple[float, float]]
"""Qubit -> probabilities of 1 for a prepared 0, and of 0 for a prepared 1."""

MITIGATED_BITS = 24
"""Mitigation takes a number for each value of the measured bits; a real server has no such limit,
but the emulator keeps its memory."""


class Simulator:
    """Samples programs.

    Args:
        gateway: "qulacs" or "qubex", see :class:`~qiskit_oqtopus.emulator.Emulator`.
        seed: Seed of the first run, or None for new ones.
        noise: Whether programs run with the noise in the facts of their device.
        timing: When things happen then, see :meth:`.QulacsBackend.run`.
    """

    def __init__(
        self, gateway: str, seed: int | None, noise: bool = False, timing: str | None = None
    ) -> None:
        self._ideal = QulacsBackend(num_qubits=1)
        self._twins: dict[str, tuple[Any, QulacsBackend]] = {}  # facts and twin by device
        self._gateway = gateway
        self._seed = seed
        self._noise = noise
        self._timing = timing
        self._job: QulacsJob | VendorJob | None = None
        self._cancelled = False
        self._deadline: float | None = None  # of the monotonic clock, in s

    def cancel(self) -> None:
        """Cancel what runs, and whatever would be run before :meth:`restart`."""
        self._cancelled = True
        job = self._job
        if job is not None:
            job.cancel()

    def restart(self) -> None:
        """Run things again."""
        self._cancelled = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let runs inside of the block take no longer than that in all, in s.

        One that does is cancelled, and raises :class:`.OqtopusJobTimeoutError`.
        """
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None

    def backend(self, device: EmulatedDevice) -> QulacsBackend:
        """Return the backend for a device: its twin, if it has facts and there is noise."""
        if not self._noise or device.facts is None or device.vendor is not None:
            return self._ideal
        facts, twin = self._twins.get(device.device_id, (None, self._ideal))
        if facts is not device.facts:
            snapshot = DeviceSnapshot.from_device(vars(device), device.facts)
            # The engine has refused already what the device refuses.
            # What the facts do not know has no noise, but it exists: this is the device itself.
            target = snapshot.target(include_uncalibrated=True)
            twin = QulacsBackend.from_target(target, check=_no_problems, timing=self._timing)
            self._twins[device.device_id] = (device.facts, twin)
        return twin

    def sample(self, program: NativeProgram, shots: int, device: EmulatedDevice) -> Counts:
        """Return counts: keys have the bits of the gateway, classical bit 0 rightmost."""
        bits = list(program.measured)
        width = program.num_clbits
        if not bits:
            return {"0" * (width if self._gateway == "qulacs" else 0): shots}
        if device.vendor is None:
            counts = self._run([program.circuit], shots, device)[0]
        else:
            counts = self._run_at(device.vendor, program, shots)
        padded = {format(value, f"0{width}b"): count for value, count in counts.items()}
        if self._gateway == "qulacs":
            return padded
        return {
            "".join(key[width - 1 - bit] for bit in reversed(bits)): n for key, n in padded.items()
        }

    def expectation(
        self,
        circuit: QuantumCircuit,
        terms: Sequence[tuple[Mapping[int, str], float]],
        shots: int,
        readout: Readout | None,
        device: EmulatedDevice,
    ) -> tuple[float, float]:
        """Estimate an observable.

        Args:
            circuit: Without measurements.
            terms: For each term, its Pauli letter by qubit, and its coefficient.
            shots: Number of shots per group of terms that are measured together.
            readout: Readout errors to mitigate, or None.
            device: Where it runs.

        Returns:
            The mean, and the error as the server computes it: the sum of
            ``|c| sqrt((1 - m^2) / shots)`` over all terms, with m the mean of a term and c its
            coefficient, as in Qiskit's BackendEstimatorV2. (Independent errors would add in
            squares.)
        """
        constant = sum(coefficient for letters, coefficient in terms if not letters)
        groups = _group([term for term in terms if term[0]])
        circuits = [_add_measurements(circuit, basis) for basis, _ in groups]
        outcomes = self._run(circuits, shots, device) if circuits else []
        mean, error = constant, 0.0
        for (basis, members), outcome in zip(groups, outcomes, strict=True):
            qubits = sorted(basis)
            counts = {format(value, f"0{len(qubits)}b"): n for value, n in outcome.items()}
            if readout is not None:
                counts = mitigate(counts, qubits, readout, shots)
            total = max(sum(counts.values()), 1)  # mitigation may round the only shot away
            for letters, coefficient in members:
                signed = sum(_sign(key, qubits, letters) * n for key, n in counts.items())
                mean += coefficient * signed / total
                error += abs(coefficient) * math.sqrt((1 - (signed / total) ** 2) / shots)
        return mean, error

    def _run(
        self, circuits: list[QuantumCircuit], shots: int, device: EmulatedDevice
    ) -> list[dict[int, int]]:
        """Return the counts of each circuit.

        Raises:
            JobFailedError: If the emulator has no memory for one of them.
            OqtopusJobCancelledError: If :meth:`cancel` was called.
            OqtopusJobTimeoutError: If it takes longer than :meth:`within` allows.
        """
        options: dict[str, Any] = {} if self._seed is None else {"seed_simulator": self._seed}
        if self._seed is not None:
            self._seed += 1
        try:
            job = self._job = self.backend(device).run(circuits, shots=shots, **options)
        except OqtopusCircuitError as error:
            problem = error.problems[0]
            raise JobFailedError(
                f"the emulator cannot simulate the program: {problem.reason}; {problem.cure}"
            ) from error
        if self._cancelled:
            job.cancel()
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            result = job.result(left)
        except OqtopusJobTimeoutError:
            job.cancel()
            raise
        return [
            {int(key, 16): count for key, count in result.data(index)["counts"].items()}
            for index in range(len(circuits))
        ]

    def _run_at(self, vendor: Vendor, program: NativeProgram, shots: int) -> dict[int, int]:
        """Return the counts of a program that runs at a vendor.

        Raises:
            JobFailedError: If it cannot be run there, or the emulator was stopped before.
        """
        if self._cancelled:
            raise JobFailedError(f"device {vendor.name} was not asked: the emulator was stopped")
        job = self._job = vendor.submit(program, shots)
        try:
            if self._cancelled:
                job.cancel()
            return job.counts()
        finally:
            if self._job is job:  # else the emulator was started again while this one waited
                self._job = None


def _no_problems(circuits: Any, target: Any, *, estimated: bool) -> list[Problem]:
    return []


def mitigate(
    counts: Mapping[str, int], qubits: Sequence[int], readout: Readout, shots: int
) -> Counts:
    """Return counts as the server's "pseudo_inverse" returns them.

    The server takes as many bits from the right of each key as were measured, which is wrong where
    more bits were declared. It uses the readout errors of the program's qubit numbers, and it
    rounds each count down.

    Args:
        counts: Counts of the device.
        qubits: The measured qubit for each classical bit that was measured, ascending bits.
        readout: Readout errors of a qubit.
        shots: Number of shots.

    Raises:
        JobFailedError: If there are too many bits.

    >>> errors = lambda qubit: (0.1, 0.2)
    >>> mitigate({"1": 70, "0": 30}, [0], errors, 100)  # 14.3 and 85.7
    {'0': 14, '1': 85}
    >>> mitigate({"100": 5, "101": 5}, [0], errors, 10)
    {'0': 4, '1': 5}
    """
    width = len(qubits)
    if width > MITIGATED_BITS:
        raise JobFailedError(
            f"readout mitigation of {width} bits needs 2^{width} numbers; measure at most "
            f"{MITIGATED_BITS} qubits, or leave it out"
        )
    merged: Counter[str] = Counter()
    for key, count in counts.items():
        merged[key[len(key) - width :]] += count
    vector = np.zeros(2**width)
    for key, count in merged.items():
        vector[int(key or "0", 2)] = count / shots
    tensor = vector.reshape((2,) * width)
    for position, qubit in enumerate(qubits):
        p10, p01 = readout(qubit)
        inverse = np.linalg.pinv(np.array([[1 - p10, p01], [p10, 1 - p01]]))
        axis = width - 1 - position  # the last axis is bit 0
        tensor = np.moveaxis(np.tensordot(inverse, tensor, axes=(1, axis)), 0, axis)
    nearest = _find_nearest(tensor.reshape(-1))
    # As on the server, a probability that floats have left a little below 1 costs a shot.
    whole = np.floor(nearest * shots).astype(int)
    return {
        format(value, f"0{width}b"): int(whole[value]) for value in np.flatnonzero(whole).tolist()
    }


def _find_nearest(quasi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities nearest to quasi-probabilities (Smolin et al., PRL 108, 070502).

    >>> _find_nearest(np.array([0.5, 0.6, -0.1, 0.0])).round(3).tolist()
    [0.45, 0.55, 0.0, 0.0]
    """
    result = np.zeros_like(quasi)
    deficit, left = 0.0, quasi.size
    for index in np.argsort(quasi).tolist():
        if quasi[index] + deficit / left < 0:
            deficit += quasi[index]
            left -= 1
        else:
            result[index] = quasi[index] + deficit / left
    return result


def _group(
    terms: Sequence[tuple[Mapping[int, str], float]],
) -> list[tuple[dict[int, str], list[tuple[Mapping[int, str], float]]]]:
    """Put each term into the first group with which it agrees on every qubit that they share."""
    groups: list[tuple[dict[int, str], list[tuple[Mapping[int, str], float]]]] = []
    for letters, coefficient in terms:
        for basis, members in groups:
            if all(basis.get(qubit, letter) == letter for qubit, letter in letters.items()):
                basis.update(letters)
                members.append((letters, coefficient))
                break
        else:
            groups.append((dict(letters), [(letters, coefficient)]))
    return groups


def _add_measurements(circuit: QuantumCircuit, basis: Mapping[int, str]) -> QuantumCircuit:
    """Measure a circuit in a basis: bit i is the i-th qubit of the basis, in ascending order."""
    qubits = sorted(basis)
    measured = QuantumCircuit(circuit.num_qubits, len(qubits))
    measured.compose(circuit, range(circuit.num_qubits), inplace=True)
    for bit, qubit in enumerate(qubits):
        if basis[qubit] == "Y":
            measured.sdg(qubit)
        if basis[qubit] in "XY":
            measured.h(qubit)
        measured.measure(qubit, bit)
    return measured


def _sign(key: str, qubits: Sequence[int], letters: Mapping[int, str]) -> int:
    ones = sum(key[-1 - qubits.index(qubit)] == "1" for qubit in letters)
    return -1 if ones % 2 else 1
