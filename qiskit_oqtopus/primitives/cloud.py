"""Primitives on devices: each PUB becomes programs that say what they belong to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..cloud.backend import OqtopusBackend
from ..cloud.encoding import Task
from ..cloud.job import OqtopusJob
from ..cloud.results import MAX_SHOTS
from ..exceptions import OqtopusPubError
from .assembly import Collected, assemble, assemble_estimation
from .bits import find_registers
from .job import PrimitiveJob
from .observables import Measurement, Terms, add_measurements, plan_measurements
from .options import EstimatorOptions, SamplerOptions, to_device_options
from .pub_record import EstimatorRecord, Record, SamplerRecord
from .pubs import bind_pub, broadcast_elements, check_registers, map_pubs, parse_observables

Draft = tuple[dict[str, Any], dict[str, Any]]
"""Arguments of a Task, and those of its record except for ``sizes``, which needs all PUBs."""


def build_job(job: OqtopusJob) -> PrimitiveJob:
    """Return the job of a primitive, given the job of its programs."""
    return PrimitiveJob(job, [job], partial(collect, job))


def collect(job: OqtopusJob, timeout: float | None) -> Collected:
    """Wait for the job of the programs of PUBs, and return the results of the PUBs.

    Args:
        job: The job.
        timeout: Longest time to wait in s; None waits as long as it takes.

    Raises:
        OqtopusJobTimeoutError: If the time is over.
        OqtopusCloudError: If the results cannot be read.
    """
    job.result(timeout, partial=True)
    return assemble(job.outcomes())


def build_estimation_job(job: OqtopusJob) -> PrimitiveJob:
    """Return the job of a primitive with one PUB, given an estimation job of another client."""
    return PrimitiveJob(job, [job], partial(_collect_estimation, job))


def _collect_estimation(job: OqtopusJob, timeout: float | None) -> Collected:
    job.result(timeout, partial=True)
    ((header, result),) = job.outcomes().values()
    return assemble_estimation(header, result)


class CloudExecutor:
    """Runs PUBs on a device.

    Args:
        backend: The device.

    Attributes:
        default_precision: Precision for PUBs if neither they, ``run`` nor the options give one.
    """

    default_precision = 1 / 64

    def __init__(self, backend: OqtopusBackend) -> None:
        self._backend = backend

    def sample(
        self, pubs: Sequence[SamplerPub], options: SamplerOptions, run: Mapping[str, Any]
    ) -> PrimitiveJob:
        """Send one program for each element of each PUB.

        Args:
            pubs: The PUBs, each with its own number of shots.
            options: The options of the sampler.
            run: ``group_id`` and ``resume``, if they were given.

        Raises:
            OqtopusError: If a PUB or an option cannot be used.
        """
        drafts = map_pubs(pubs, self._draft_sampler)
        return self._send("sampler", drafts, SamplerRecord, options, run)

    def estimate(
        self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, run: Mapping[str, Any]
    ) -> PrimitiveJob:
        """Send programs for the parameter sets or, for the server's estimation, the elements.

        Args:
            pubs: The PUBs, each with its own precision.
            options: The options of the estimator.
            run: ``group_id`` and ``resume``, if they were given.

        Raises:
            OqtopusError: If a PUB or an option cannot be used.
        """
        server = options.estimation == "server"
        drafts = map_pubs(pubs, lambda index, pub: self._draft_estimator(index, pub, server))
        return self._send("estimator", drafts, EstimatorRecord, options, run)

    def _draft_sampler(self, index: int, pub: SamplerPub) -> list[Draft]:
        registers = find_registers(pub.circuit)
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
            for position, circuit in enumerate(bind_pub(index, pub))
        ]

    def _draft_estimator(self, index: int, pub: EstimatorPub, server: bool) -> list[Draft]:
        shots = compute_shots(index, pub.precision)
        observables = parse_observables(index, pub)
        if not pub.circuit.num_qubits:
            raise OqtopusPubError(index, "its circuit has no qubits")
        if not math.prod(pub.shape):
            return []
        circuits = bind_pub(index, pub)
        record = {
            "shape": pub.shape,
            "sets": pub.parameter_values.shape,
            "precision": float(pub.precision),
        }
        sets, picked = broadcast_elements(pub)
        if server:
            return [
                (
                    {
                        "circuit": circuits[sets[position]],
                        "shots": shots,
                        "position": position,
                        "operator": to_oqtopus_operator(observables[picked[position]]),
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
                spare = self._find_spare_qubit(circuit.num_qubits)
                plans[key] = plan_measurements([observables[k] for k in wanted], spare)
            for plan in plans[key]:
                weights = tuple((int(elements[k]), parts) for k, parts in plan.weights)
                drafts.append(
                    (
                        {
                            "circuit": add_measurements(circuit, plan.basis),
                            "shots": shots,
                            "position": position,
                        },
                        {**record, "masks": plan.masks, "weights": weights},
                    )
                )
        return drafts

    def _find_spare_qubit(self, num_qubits: int) -> int:
        """Return a qubit that can be measured where no qubit has to be measured."""
        supported = self._backend.target.instruction_supported
        return next((qubit for qubit in range(num_qubits) if supported("measure", (qubit,))), 0)

    def _send(
        self,
        kind: str,
        drafts: Sequence[Sequence[Draft]],
        record: type[Record],
        options: SamplerOptions | EstimatorOptions,
        run: Mapping[str, Any],
    ) -> PrimitiveJob:
        map_pubs(drafts, _check_not_empty)
        if not drafts:
            raise OqtopusPubError(None, "there is no PUB, so that there is nothing to run")
        sizes = tuple(len(of_pub) for of_pub in drafts)
        tasks = [
            Task(kind=kind, pub=pub, primitive=record(sizes=sizes, **values).to_json(), **task)
            for pub, of_pub in enumerate(drafts)
            for task, values in of_pub
        ]
        values = {**to_device_options(options), **run}
        return build_job(self._backend._run_tasks(tasks, **values))


def _check_not_empty(index: int, drafts: Sequence[Draft]) -> None:
    if not drafts:
        raise OqtopusPubError(
            index, "it has no elements, so that there is nothing to run on a device"
        )


def compute_shots(index: int, precision: float) -> int:
    """Return the number of shots of each measurement circuit for a precision.

    It is ceil(1 / precision**2), as for Qiskit's ``BackendEstimatorV2``: the standard error of one
    Pauli string is then at most the precision.

    Args:
        index: Position of the PUB, for the error.
        precision: The precision.

    Raises:
        OqtopusPubError: If no device can run as many shots.

    >>> compute_shots(0, 0.01)
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


def to_oqtopus_operator(terms: Terms) -> tuple[tuple[str, float], ...]:
    """Return an observable as OQTOPUS writes it.

    >>> to_oqtopus_operator({"ZIX": 0.5, "III": 2.0})
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
