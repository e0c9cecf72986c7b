"""Primitives on devices: each PUB becomes programs that say what they were."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import JobStatus

from ..cloud.backend import OqtopusBackend
from ..cloud.encoding import Task
from ..cloud.job import OqtopusJob
from ..cloud.results import MAX_SHOTS
from ..exceptions import OqtopusPubError
from .assembly import Collected, assemble
from .bits import registers_of
from .observables import Measurement, Terms, measured, measurements
from .options import EstimatorOptions, SamplerOptions, device_options
from .pub_record import EstimatorRecord, Record, SamplerRecord
from .pubs import bound, check_registers, each, elements_of, observables_of

Draft = tuple[dict[str, Any], dict[str, Any]]
"""Arguments of a Task, and those of its record but for ``sizes``, which needs all PUBs."""


class CloudWork:
    """The OQTOPUS jobs of one run of a primitive.

    Args:
        job: The job of the device.
    """

    def __init__(self, job: OqtopusJob) -> None:
        self._job = job
        self._collected: Collected | None = None

    def job_id(self) -> str:
        """Return the OQTOPUS job id, or the group id of several."""
        return str(self._job.job_id())

    def backend(self) -> OqtopusBackend:
        """Return the device."""
        backend: OqtopusBackend = self._job.backend()
        return backend

    def jobs(self) -> list[OqtopusJob]:
        """Return the job of the device."""
        return [self._job]

    def status(self) -> JobStatus:
        """Return how the job is; never raises."""
        return self._job.status()

    def cancel(self) -> bool:
        """Cancel what has not ended; return whether all of that is cancelled."""
        return self._job.cancel()

    def wait(self, timeout: float | None) -> None:
        """Wait until all programs have ended, in whatever way."""
        self._job.wait_for_final_state(timeout)

    def collect(self) -> Collected:
        """Return what has come of it, once it has ended."""
        if self._collected is not None:
            return self._collected
        self._job.result(partial=True)
        collected = assemble(self._job.outcomes())
        if not collected.failures:  # else more may be there the next time
            self._collected = collected
        return collected

    def error_message(self) -> str | None:
        """Return which circuits failed and why."""
        return self._job.error_message()

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what can be made again of the job's results."""
        return {**self.__dict__, "_collected": None}


class CloudExecutor:
    """Runs PUBs on a device.

    Args:
        backend: The device.
    """

    default_precision = 1 / 64

    def __init__(self, backend: OqtopusBackend) -> None:
        self._backend = backend

    def sample(
        self, pubs: Sequence[SamplerPub], options: SamplerOptions, run: Mapping[str, Any]
    ) -> CloudWork:
        """Send one program for each element of each PUB."""
        drafts = each(pubs, self._sampler_drafts)
        return self._send("sampler", drafts, SamplerRecord, options, run)

    def estimate(
        self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, run: Mapping[str, Any]
    ) -> CloudWork:
        """Send programs for the parameter sets or, for the server's estimation, the elements."""
        server = options.estimation == "server"
        drafts = each(pubs, lambda index, pub: self._estimator_drafts(index, pub, server))
        return self._send("estimator", drafts, EstimatorRecord, options, run)

    def _sampler_drafts(self, index: int, pub: SamplerPub) -> list[Draft]:
        registers = registers_of(pub.circuit)
        if not registers:
            raise OqtopusPubError(
                index,
                "its circuit has no classical registers, by whose names a sampler returns bits; "
                "add measurements, for example circuit.measure_all()",
            )
        check_registers(index, pub.circuit)
        if pub.shots > MAX_SHOTS:
            raise OqtopusPubError(
                index, f"shots must be at most {MAX_SHOTS:,} on a device, not {pub.shots:,}"
            )
        record = {"shape": pub.shape, "registers": registers}
        return [
            ({"circuit": circuit, "shots": int(pub.shots), "position": position}, record)
            for position, circuit in enumerate(bound(index, pub))
        ]

    def _estimator_drafts(self, index: int, pub: EstimatorPub, server: bool) -> list[Draft]:
        shots = shots_for(index, pub.precision)
        observables = observables_of(index, pub)
        if not pub.circuit.num_qubits:
            raise OqtopusPubError(index, "its circuit has no qubits")
        if not math.prod(pub.shape):
            return []
        circuits = bound(index, pub)
        record = {
            "shape": pub.shape,
            "sets": pub.parameter_values.shape,
            "precision": float(pub.precision),
        }
        sets, picked = elements_of(pub)
        if server:
            return [
                (
                    {
                        "circuit": circuits[sets[position]],
                        "shots": shots,
                        "position": position,
                        "operator": oqtopus_operator(observables[picked[position]]),
                    },
                    record,
                )
                for position in range(len(sets))
            ]
        plans: dict[bytes, list[Measurement]] = {}
        drafts: list[Draft] = []
        for position, circuit in enumerate(circuits):
            elements = np.flatnonzero(sets == position)
            wanted = picked[elements]
            # Most parameter sets have the same observables, which are grouped once.
            key = wanted.tobytes()
            if key not in plans:
                spare = self._spare_qubit(circuit.num_qubits)
                plans[key] = measurements([observables[k] for k in wanted], spare)
            for plan in plans[key]:
                weights = tuple((int(elements[k]), parts) for k, parts in plan.weights)
                drafts.append(
                    (
                        {
                            "circuit": measured(circuit, plan.basis),
                            "shots": shots,
                            "position": position,
                        },
                        {**record, "masks": plan.masks, "weights": weights},
                    )
                )
        return drafts

    def _spare_qubit(self, num_qubits: int) -> int:
        """Return a qubit that can be measured where no qubit has to be."""
        supported = self._backend.target.instruction_supported
        return next((qubit for qubit in range(num_qubits) if supported("measure", (qubit,))), 0)

    def _send(
        self,
        kind: str,
        drafts: Sequence[Sequence[Draft]],
        record: type[Record],
        options: SamplerOptions | EstimatorOptions,
        run: Mapping[str, Any],
    ) -> CloudWork:
        each(drafts, _check_not_empty)
        if not drafts:
            raise OqtopusPubError(None, "there is no PUB, so that there is nothing to run")
        sizes = tuple(len(of_pub) for of_pub in drafts)
        tasks = [
            Task(kind=kind, pub=pub, primitive=record(sizes=sizes, **values).to_json(), **task)
            for pub, of_pub in enumerate(drafts)
            for task, values in of_pub
        ]
        values = {**device_options(options), **run}
        return CloudWork(self._backend.run_tasks(tasks, **values))


def _check_not_empty(index: int, drafts: Sequence[Draft]) -> None:
    if not drafts:
        raise OqtopusPubError(
            index, "it has no elements, so that there is nothing to run on a device"
        )


def shots_for(index: int, precision: float) -> int:
    """Return the number of shots of each measurement circuit for a precision.

    It is ceil(1 / precision**2), as for Qiskit's ``BackendEstimatorV2``: the standard error of one
    Pauli string is then at most the precision.

    Args:
        index: Position of the PUB, for the error.
        precision: The precision.

    Raises:
        OqtopusPubError: No device can run as many shots.

    >>> shots_for(0, 0.01)
    10000
    """
    finest = 1 / math.sqrt(MAX_SHOTS)
    shots = math.ceil(1 / precision**2) if precision > finest / 2 else MAX_SHOTS + 1
    if shots > MAX_SHOTS:
        raise OqtopusPubError(
            index,
            f"a precision of {precision:g} is not possible on a device. OQTOPUS takes "
            f"{MAX_SHOTS:,} shots at most, which is a precision of {finest:.3g}",
        )
    return shots


def oqtopus_operator(terms: Terms) -> tuple[tuple[str, float], ...]:
    """Return an observable as OQTOPUS writes it.

    >>> oqtopus_operator({"ZIX": 0.5, "III": 2.0})
    (('X 0 Z 2', 0.5), ('I', 2.0))
    """
    return tuple(
        (
            " ".join(
                f"{letter} {qubit}" for qubit, letter in enumerate(reversed(label)) if letter != "I"
            )
            or "I",
            coefficient,
        )
        for label, coefficient in terms.items()
    )
