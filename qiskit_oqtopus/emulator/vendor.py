"""A vendor's backend behind a device: translates programs, runs them there, reads the counts."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from qiskit.circuit import ClassicalRegister, Delay, QuantumCircuit
from qiskit.primitives import BaseSamplerV2, PrimitiveResult
from qiskit.providers import BackendV2
from qiskit.transpiler import generate_preset_pass_manager

from ..circuits import seconds_of
from ..device.target import DT
from ..exceptions import OqtopusOptionError
from ..words import clean
from .job_input import JobFailedError
from .programs import NativeProgram, remove_measurements
from .vendor_facts import READOUT, find_facts, find_pairs

logger = logging.getLogger(__name__)

MAX_ALL_TO_ALL = 64
"""Qubits that may all be coupled with each other: their couplings are 4,032 entries of facts."""

PATIENCE = 1.0
"""Longest time that is waited for a vendor to cancel a job, in s."""

_SECRETS = re.compile(
    r"(\bbearer\s+|(?:token|api[-_ ]?key|password|secret)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]+",
    re.IGNORECASE,
)
"""Secrets in the texts of vendors, after what announces them."""


class Vendor:
    """A backend of whoever has made one.

    A program is translated gate by gate: each qubit stays where it is, and nothing is optimized.

    Args:
        backend: The backend.
        sampler: Runs the circuits in place of ``backend.run``, which some do not have.

    Attributes:
        name: The name of the backend.
        num_qubits: Number of its qubits.
        facts: What its Target says, in the form of ``device_info``.
        has_delay: Whether it has delays on any qubit.

    Raises:
        OqtopusOptionError: If it cannot be a device.
    """

    def __init__(self, backend: BackendV2, sampler: BaseSamplerV2 | None = None) -> None:
        self._backend = backend
        self._sampler = sampler
        self._target = backend.target
        self.name = backend.name
        if not isinstance(self.name, str) or not self.name:
            raise OqtopusOptionError(
                f"Backend {type(backend).__name__} has no name, which would be the id of its "
                "device; set backend.name."
            )
        number = self._target.num_qubits
        if not number:
            raise OqtopusOptionError(
                f"The Target of backend {self.name!r} does not say how many qubits it has."
            )
        self.num_qubits = int(number)
        pairs = find_pairs(self._target)
        all_to_all = len(pairs) == self.num_qubits * (self.num_qubits - 1)
        if all_to_all and self.num_qubits > MAX_ALL_TO_ALL:
            raise OqtopusOptionError(
                f"Backend {self.name!r} couples all of its {self.num_qubits} qubits with each "
                f"other; a device may have {MAX_ALL_TO_ALL} of these. Give one with fewer."
            )
        try:
            self._passes = generate_preset_pass_manager(
                optimization_level=0,
                target=self._target,
                layout_method="trivial",
                routing_method="none",
            )
            # Delays are written here in steps that the device has; nothing else is scheduled.
            self._passes.scheduling = None
            self.facts = find_facts(self.name, self._target, pairs, self._passes.run)
        # Qiskit's passes have no common error for a Target that they cannot use.
        except Exception as error:
            raise OqtopusOptionError(
                f"Backend {self.name!r} cannot be a device of OQTOPUS, which has x, sx, rz, cx and "
                f"measure: {clean(str(error))}"
            ) from error
        if not self.facts["qubits"]:
            raise OqtopusOptionError(
                f"Backend {self.name!r} has no qubit with both a gate and a measurement, so that "
                "no program could run."
            )
        self._couplings = {(c["control"], c["target"]) for c in self.facts["couplings"]}
        self.has_delay = any(map(self._delays_on, range(self.num_qubits)))

    @property
    def couplings(self) -> list[tuple[int, int]]:
        """Directed couplings."""
        return sorted(self._couplings)

    def __repr__(self) -> str:
        return f"<Vendor({self.name})>"

    def check(self, job_type: str | None) -> None:
        """Check the type of a job.

        Raises:
            JobFailedError: If it is not sampling.
        """
        if job_type != "sampling":
            raise JobFailedError(
                f"device {self.name} is the backend of a vendor, which runs sampling jobs only, "
                f"not {job_type}"
            )

    def check_mitigation(self, qubits: Sequence[int], facts: Mapping[str, Any] | None) -> None:
        """Check that there are readout errors to mitigate.

        Raises:
            JobFailedError: If a qubit has only their mean, or nothing.
        """
        known = {
            entry["id"]
            for entry in (facts or {}).get("qubits", ())
            if None not in [(entry.get("meas_error") or {}).get(name) for name in READOUT]
        }
        unknown = [qubit for qubit in qubits if qubit not in known]
        if unknown:
            raise JobFailedError(
                f"device {self.name} does not say how often qubit {unknown[0]} is read wrongly "
                "after preparing 0, and after preparing 1, so that nothing can be mitigated; send "
                "the job without mitigation"
            )

    def submit(self, program: NativeProgram, shots: int) -> VendorJob:
        """Send a program to the vendor.

        Args:
            program: A program with at least one measurement.
            shots: Number of shots.

        Raises:
            JobFailedError: If it cannot be translated, or the vendor refuses it.
        """
        self._check(program.circuit)
        qubits = sorted(set(program.measured.values()))
        try:
            circuit = self._passes.run(self._write(program.circuit, qubits))
            job = (
                self._backend.run(circuit, shots=shots)
                if self._sampler is None
                else self._sampler.run([circuit], shots=shots)
            )
        # Whatever a vendor raises is the reason why the job fails.
        except Exception as error:
            raise self.failure(error) from error
        return VendorJob(self, job, program, qubits, shots)

    def failure(self, error: Exception | str) -> JobFailedError:
        """Return how a job fails for a reason of the vendor's."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        shown = _SECRETS.sub(r"\1***", clean(text))
        return JobFailedError(f"device {self.name}: {shown}")

    def _check(self, circuit: QuantumCircuit) -> None:
        """Check that a program needs nothing that the device does not have.

        Raises:
            JobFailedError: If it does.
        """
        for item in circuit.data:
            name = item.operation.name
            qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
            if name == "cx" and tuple(qubits) not in self._couplings:
                raise JobFailedError(
                    f"device {self.name} has no coupling between qubits {qubits[0]} and "
                    f"{qubits[1]}, and programs keep their qubits here; transpile for the device"
                )
            if name == "delay" and not self._delays_on(qubits[0]):
                raise JobFailedError(
                    f"device {self.name} has no delay on qubit {qubits[0]}; send the program "
                    "without delays"
                )

    def _delays_on(self, qubit: int) -> bool:
        return bool(self._target.instruction_supported("delay", (qubit,)))

    def _write(self, program: QuantumCircuit, qubits: Sequence[int]) -> QuantumCircuit:
        """Return a program as a circuit: one bit for each qubit, delays as the device has them."""
        bare = remove_measurements(program)
        circuit = QuantumCircuit(bare.num_qubits, global_phase=bare.global_phase)
        circuit.add_register(ClassicalRegister(len(qubits), "c"))
        for item in bare.data:
            where = [bare.find_bit(qubit).index for qubit in item.qubits]
            if item.operation.name == "delay":
                time, unit = self._delay(item.operation)
                circuit.delay(time, where[0], unit)
            else:
                circuit.append(item.operation, where)
        circuit.measure(qubits, range(len(qubits)))
        return circuit

    def _delay(self, operation: Delay) -> tuple[float, str]:
        """Return a delay in steps that the device has, or in s if it does not say how long dt is.

        The dt of a program is that of OQTOPUS, not that of the vendor.
        """
        seconds = seconds_of(operation, DT) or 0.0
        if self._target.dt is None:
            return seconds, "s"
        step = math.lcm(self._target.pulse_alignment, self._target.acquire_alignment)
        return step * round(seconds / (step * self._target.dt)), "dt"


class VendorJob:
    """A program that was sent to a vendor.

    Args:
        vendor: The vendor.
        job: The vendor's own job.
        program: The program.
        qubits: The qubit for each bit of the vendor's counts.
        shots: Number of shots.
    """

    def __init__(
        self, vendor: Vendor, job: Any, program: NativeProgram, qubits: Sequence[int], shots: int
    ) -> None:
        self._vendor = vendor
        self._job = job
        self._program = program
        self._qubits = qubits
        self._shots = shots

    def cancel(self) -> None:
        """Ask the vendor to cancel it, as far as that is possible."""
        asking = threading.Thread(target=self._cancel, name="oqtopus-vendor-cancel", daemon=True)
        asking.start()
        asking.join(PATIENCE)

    def counts(self) -> dict[int, int]:
        """Wait for the counts of the program: bit ``i`` of a key is classical bit ``i``.

        Raises:
            JobFailedError: If the vendor has none, or they are not those of the shots.
        """
        try:
            found = _read_counts(self._job.result())
        # Whatever a vendor raises is the reason why the job fails.
        except Exception as error:
            raise self._vendor.failure(error) from error
        if isinstance(found, str):
            raise self._vendor.failure(found)
        counts: Counter[int] = Counter()
        for key, count in found.items():
            bits = str(key).replace(" ", "")
            if not re.fullmatch(f"[01]{{{len(self._qubits)}}}", bits) or not _is_count(count):
                raise self._vendor.failure(
                    f"it returned {count!r} for {key!r}, which is no count of "
                    f"{len(self._qubits)} bits"
                )
            counts[self._place(bits)] += int(count)
        if counts.total() != self._shots:
            raise self._vendor.failure(
                f"it returned counts of {counts.total()} shots instead of {self._shots}"
            )
        return dict(counts)

    def _place(self, bits: str) -> int:
        """Return the classical bits of a program as a number."""
        read = {qubit: bits[-1 - i] == "1" for i, qubit in enumerate(self._qubits)}
        return sum(read[qubit] << clbit for clbit, qubit in self._program.measured.items())

    def _cancel(self) -> None:
        try:
            self._job.cancel()
        # A job that cannot be cancelled must not keep the emulator from stopping.
        except Exception as error:  # noqa: BLE001
            logger.warning("%s", self._vendor.failure(error).message)


def _read_counts(result: Any) -> Mapping[str, Any] | str:
    """Return the counts of a result, or why it has none."""
    if isinstance(result, PrimitiveResult):
        found = result[0].join_data().get_counts()
    elif getattr(result, "success", True):
        found = result.get_counts()
    else:
        parts = [result, *(getattr(result, "results", None) or ())]
        states = [str(status) for part in parts if (status := getattr(part, "status", None))]
        return "; ".join(states) or "it failed without a reason"
    return found if isinstance(found, Mapping) else f"it returned {found!r} instead of counts"


def _is_count(value: Any) -> bool:
    return isinstance(value, Real) and float(value).is_integer() and float(value) >= 0
