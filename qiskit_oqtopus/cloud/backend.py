"""An OQTOPUS device as a Qiskit backend."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target

from ..circuits import circuits_of
from ..device.check import check_for_twin
from ..device.snapshot import DeviceSnapshot
from ..device.target_methods import TargetMethods
from ..drawing.card import build_card
from ..exceptions import OqtopusOptionError, OqtopusWarning, Problem, users_stacklevel
from ..options import boolean, check_options
from ..version import __version__
from .connection import Connection
from .encoding import Task
from .errors import translate_errors
from .job import OqtopusJob
from .options import CHECKS, DEFAULTS, run_options
from .run import find_problems, send, send_again
from .watcher import Watcher

if TYPE_CHECKING:
    from ..client.models import Device
    from ..provider import OqtopusProvider
    from ..simulator.backend import QulacsBackend


_SHOWN = 20
"""Places that a warning names at most; hundreds of couplings would fill the screen."""


@dataclass(frozen=True)
class DeviceStatus:
    """The state of a device.

    Attributes:
        device_id: Its id.
        status_msg: OQTOPUS' word: "available" or "unavailable".
        pending_jobs: Number of jobs that wait for it; the server updates it only now and then.
    """

    device_id: str
    status_msg: str
    pending_jobs: int

    @property
    def operational(self) -> bool:
        """Whether it takes jobs now."""
        return self.status_msg == "available"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        facts = {"status": self.status_msg, "pending jobs": self.pending_jobs}
        return build_card(f"Status of {self.device_id}", facts)


class OqtopusBackend(TargetMethods, BackendV2):
    """A device of OQTOPUS Cloud, as :class:`~qiskit_oqtopus.OqtopusProvider` returns it.

    It is not made by hand, but by ``OqtopusProvider().backend("anemone")``.

    Its Target holds the couplings, errors and durations of one calibration: the one that was read
    when the backend was created or last refreshed. Reading the Target does no I/O.

    Args:
        provider: The provider that it belongs to.
        device: The server's description of the device.
        snapshot: Its calibration.
        connection: How the server is reached.
        watcher: It polls for the jobs of the provider.
        include_uncalibrated: As for :meth:`.OqtopusProvider.backend`.
        measure_duration: As for :meth:`.OqtopusProvider.backend`.

    Raises:
        OqtopusOptionError: If it is made by hand; it says the line to write instead.
    """

    def __init__(
        self,
        provider: OqtopusProvider | str | None = None,
        device: Device | str | None = None,
        snapshot: DeviceSnapshot | None = None,
        connection: Connection | None = None,
        watcher: Watcher | None = None,
        *,
        include_uncalibrated: bool = False,
        measure_duration: float | None = None,
    ) -> None:
        if (
            isinstance(provider, str)
            or isinstance(device, str)
            or device is None
            or snapshot is None
            or connection is None
            or watcher is None
        ):
            raise OqtopusOptionError(_describe_door(device if provider is None else provider))
        super().__init__(
            provider=provider,
            name=device.device_id,
            description=device.description or "",
            backend_version=__version__,
        )
        self._connection = connection
        self._watcher = watcher
        self._includes_uncalibrated = boolean("include_uncalibrated", include_uncalibrated)
        self._measure_duration = measure_duration
        self._take(device, snapshot)

    def _take(self, device: Device, snapshot: DeviceSnapshot) -> None:
        self._target = snapshot.target(
            measure_duration=self._measure_duration,
            include_uncalibrated=self._includes_uncalibrated,
        )
        self._device = device
        self._snapshot = snapshot
        if self._connection.snapshots is not None:
            self._connection.snapshots.keep(snapshot)
        if self._includes_uncalibrated:
            self._warn_of_uncalibrated()

    def _warn_of_uncalibrated(self) -> None:
        listed = {(qubit.id,) for qubit in self._snapshot.qubits}
        places = [p for p in self._snapshot.uncalibrated if len(p) == 2 or p in listed]
        if places:
            named = [f"qubit {p[0]}" if len(p) == 1 else f"coupling {p[0]}->{p[1]}" for p in places]
            more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
            warnings.warn(
                f"Device {self.name} does not know the errors of {', '.join(named[:_SHOWN])}{more}."
                " With include_uncalibrated=True they are in the Target, without errors. Qiskit "
                "takes an error that is not known for 0, so that transpile() prefers them: give it "
                "an initial_layout.",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )

    # -- what it is -----------------------------------------------------------------------------

    @property
    def target(self) -> Target:
        """The Target of the calibration; the same as ``snapshot().target()``.

        With ``include_uncalibrated`` or ``measure_duration`` it is that of ``snapshot().target``
        with the same argument.
        """
        return self._target

    @property
    def max_circuits(self) -> None:
        """The number of circuits that one ``run`` takes: any."""
        return None

    @property
    def simulator(self) -> bool:
        """Whether the device is a simulator on the server."""
        return self._device.device_type == "simulator"

    @property
    def pending_jobs(self) -> int:
        """Number of jobs that waited for the device when its description was read."""
        return self._device.n_pending_jobs or 0

    @property
    def calibrated_at(self) -> str | None:
        """When the device was calibrated (ISO 8601), as far as the Target knows."""
        return self._snapshot.calibrated_at

    @property
    def qubit_coordinates(self) -> list[tuple[float, float]]:
        """Positions of the qubits, for the ``qubit_coordinates`` of Qiskit's ``plot_gate_map``."""
        return self._snapshot.qubit_coordinates

    def snapshot(self) -> DeviceSnapshot:
        """Return the calibration that the Target was made from."""
        return self._snapshot

    def twin(self, *, seed: int | None = None, **options: Any) -> QulacsBackend:
        """Return a local simulator of the device with the noise that its calibration states.

        It needs no network, has a copy of the Target, and runs what the device would run: see
        :meth:`check`. With ``timing="global_barriers"`` it also takes the time that the device
        would take. Its noise is that of the Target as it is now, whatever :meth:`refresh` reads
        later. What is not calibrated has no noise that could be simulated: the twin never has it,
        even if the backend does.

        Args:
            seed: Default of ``seed_simulator``: with it, every run of the same circuits has the
                same counts.
            **options: Defaults of the run options, see :meth:`.QulacsBackend.run`.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.

        Warns:
            OqtopusWarning: If noise is not simulated as the calibration states it.
        """
        # Imported here: whoever only sends circuits to a device does not need the simulator.
        from ..simulator.backend import QulacsBackend

        target = self._target
        if self._includes_uncalibrated:
            target = self._snapshot.target(measure_duration=self._measure_duration)
        return QulacsBackend.from_target(
            target,
            name=f"{self.name}_twin",
            check=partial(check_for_twin, left_out=self._snapshot.uncalibrated),
            qubit_coordinates=self.qubit_coordinates,
            seed=seed,
            **options,
        )

    def refresh(self) -> None:
        """Read the device's calibration again and build a new Target.

        Raises:
            OqtopusCloudError: If it cannot be read. The backend stays as it was.
        """
        with translate_errors(f"Reading device {self.name}"):
            device = self._connection.client.device(self.name)
            facts = self._connection.client.device_facts(device)
        self._take(device, build_snapshot(device, facts))

    def status(self) -> DeviceStatus:
        """Ask for the state of the device.

        Raises:
            OqtopusCloudError: If the server cannot be asked.
        """
        with translate_errors(f"Reading device {self.name}"):
            device = self._connection.client.device(self.name)
        return DeviceStatus(self.name, device.status or "unknown", device.n_pending_jobs or 0)

    @classmethod
    def _default_options(cls) -> Options:
        return Options(**DEFAULTS)

    def set_options(self, **fields: Any) -> None:
        """Set defaults of the run options.

        Args:
            **fields: Options of :meth:`run`.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
        """
        self._options.update_options(**check_options(fields, CHECKS))

    # -- run ------------------------------------------------------------------------------------

    def check(
        self, run_input: QuantumCircuit | Iterable[QuantumCircuit], **options: Any
    ) -> list[Problem]:
        """Return everything that this device cannot do with circuits; sends nothing.

        Args:
            run_input: A circuit, or several.
            **options: As for :meth:`run`.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.

        Warns:
            OqtopusWarning: If the device takes circuits and does something else than they ask: it
                makes their delays one after another, or reads qubits later than they say; or if one
                has so many gates that the device is blocked for minutes.
        """
        values = self._values(options)
        return find_problems(self, self._tasks(run_input, values), values)

    def run(
        self, run_input: QuantumCircuit | Iterable[QuantumCircuit], **options: Any
    ) -> OqtopusJob:
        """Send circuits to the device.

        Everything is checked before anything is sent: see :meth:`check`. Circuits must have been
        compiled for the Target (``transpile(circuit, backend)``), and run as they are: physical
        qubit 5 stays physical qubit 5.

        Args:
            run_input: A circuit, or several. Each becomes one OQTOPUS job, unless they take
                another route.
            **options: Any of these; the defaults are those of ``options``:

                * ``shots`` (int): Number of shots per circuit, 1024; at most 10,000,000.
                * ``memory`` (bool): Whether the result has an outcome for each shot, False.
                  OQTOPUS returns counts only: the outcomes are the counts in random order.
                * ``seed_simulator`` (int): Seed of that order.
                * ``mitigation`` (str): "pseudo_inverse" for the server's readout mitigation.
                  The counts may then sum to less than the shots.
                * ``transpiler`` (str): "qiskit" to let the server compile the circuits.
                * ``transpiler_options`` (dict): Options of the server's transpiler.
                * ``name`` (str): Name of the OQTOPUS jobs; by default that of each circuit.
                * ``tags`` (list of str): Words for their descriptions.
                * ``group_id`` (str): Id of the run, 16 to 64 of a-z, 0-9 and hyphens; by default
                  a new one. The log names it before anything is sent.
                * ``resume`` (str): Id of a run of the same circuits, its group id or that of one of
                  its jobs: only circuits without a job, or whose job failed, are sent.
                * ``experiment`` (dict): What the circuits belong to, plain JSON of at most 64 KiB;
                  it is kept in their programs, see ``OqtopusJob.experiment``.
                * ``on_incomplete`` (str): "keep" or "cancel" what was sent if not all could be.
                * ``unavailable`` (str): "warn" or "raise" if the device takes no jobs now.
                * ``workers`` (int): How many circuits are sent at the same time, 8.
                * ``progress``: True for a bar, or a function of (stage, done, total).
                * ``route`` (str): "sse" to have circuits run one after another in one OQTOPUS job,
                  beside the device, which is blocked for others meanwhile.
                * ``sse_seconds`` (float): By that route, time in s after which a program begins no
                  circuit, 240, at most 540; ``resume`` sends what is left.
                * ``seconds_per_circuit`` (float): Time of a circuit in s, 0.5, by which circuits
                  are divided into programs.
                * ``sse_max_bytes`` (int): How large a program may be as JSON, 100,000.
                * ``rerun_lost`` (bool): With ``resume``, whether circuits are sent again that may
                  have run, and of which nothing is left because their program failed; False.
                * ``meas_level``: 2. Others are refused.
                * ``meas_return``: Accepted; it means nothing for counts.

        Returns:
            The job.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
            OqtopusCircuitError: If a circuit cannot be run; it lists all problems of all circuits.
            OqtopusSubmissionError: If not all circuits could be sent; it says which were.
            OqtopusCloudError: If the server cannot be asked before anything is sent.

        Warns:
            OqtopusWarning: As :meth:`check`; if the device takes no jobs now, or was calibrated
                since the Target was made.
        """
        values = self._values(options)
        return send(self, self._tasks(run_input, values), values)

    def _run_tasks(self, tasks: Sequence[Task], **options: Any) -> OqtopusJob:
        """Send circuits, each with its own number of shots; used by the primitives.

        Args:
            tasks: At least one circuit.
            **options: As for :meth:`run`; ``shots`` is not used.

        Returns:
            The job.

        Raises:
            OqtopusError: As :meth:`run`.
        """
        return send(self, tasks, self._values(options))

    def _tasks(self, run_input: Any, values: Mapping[str, Any]) -> list[Task]:
        return [Task(circuit, values["shots"]) for circuit in circuits_of(run_input, self.name)]

    def _send_again(self, job_ids: Sequence[str], *, resubmits: str, **options: Any) -> OqtopusJob:
        """Send stored programs as a new group; used by ``OqtopusJob.resubmit``.

        Args:
            job_ids: The OQTOPUS jobs that hold them, whose settings are kept.
            resubmits: Id of the group or job that is sent again.
            **options: ``group_id``, ``name``, ``tags``, ``workers``, ``progress`` as for ``run``.

        Returns:
            The new job.

        Raises:
            OqtopusOptionError: If an option is another one, or its value cannot be used.
            OqtopusJobError: If one of the jobs is not a sampling job.
            OqtopusCloudError: If a program cannot be read or sent.
        """
        kept = sorted(set(options) - {"group_id", "name", "tags", "workers", "progress"})
        if kept:
            raise OqtopusOptionError(
                f"{', '.join(map(repr, kept))} cannot be given to resubmit(): programs are sent "
                "again as they were. Run the circuits again to change that."
            )
        values = self._values({**options, "resume": None})
        return send_again(self, job_ids, resubmits, values)

    def _values(self, options: Mapping[str, Any]) -> dict[str, Any]:
        once = {"group_id": None, "resume": None, "experiment": None, "rerun_lost": False}
        return run_options({**once, **self.options, **options})

    def __repr__(self) -> str:
        return f"<OqtopusBackend {self.name}: {self.num_qubits} qubits, {self._describe_state()}>"

    def _describe_state(self) -> str:
        when = f"calibrated at {self.calibrated_at}" if self.calibrated_at else "not calibrated"
        return f"{when}, {self.pending_jobs} pending"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: as of the last answer; nothing is asked for."""
        facts = {
            "qubits": self.num_qubits,
            "calibrated at": self.calibrated_at or "unknown",
            "pending jobs": f"{self.pending_jobs} when it was asked",
            "kind": self._device.device_type,
            "gates": ", ".join(self._target.operation_names),
        }
        return build_card(f"OqtopusBackend {self.name}", facts, device=self)

    def __deepcopy__(self, memo: dict[int, Any]) -> OqtopusBackend:
        """Copy the options and the Target; the connection is shared."""
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        shared = ("_connection", "_watcher", "_provider", "_device", "_snapshot")
        for name, value in self.__dict__.items():
            clone.__dict__[name] = value if name in shared else copy.deepcopy(value, memo)
        return clone

    def __getstate__(self) -> dict[str, Any]:
        """Leave the provider and the watcher out: both are created again."""
        state = dict(self.__dict__)
        del state["_watcher"]
        # It may be a link with which anybody can read the calibration for an hour.
        state["_device"] = replace(self._device, device_info=None)
        state["_provider"] = None
        options = copy.copy(self._options)
        options["progress"] = None
        state["_options"] = options
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._watcher = Watcher(self._connection)


def build_snapshot(device: Device, facts: Mapping[str, Any] | None) -> DeviceSnapshot:
    """Return the calibration of a device, from what the server says about it."""
    description = asdict(device)
    extra = description.pop("extra")
    # Other fields stay out: nobody knows whether there are signed links among them.
    description["supported_gates"] = extra.get("supported_gates")
    return DeviceSnapshot.from_device(description, facts)


def _describe_door(name: Any) -> str:
    """Return that devices come from the provider, and the line to write for one."""
    shown = name if isinstance(name, str) else "anemone"
    return (
        "A backend comes from the provider, which knows your account. Write: "
        f"OqtopusProvider().backend({shown!r})"
    )
