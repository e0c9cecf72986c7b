"""What makes a simulator the twin of a device: what the device refuses, and its noise."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from ..device.selection import find_unknown
from ..device.timing import GLOBAL_BARRIERS
from ..exceptions import OqtopusOptionError, OqtopusWarning, Problem, users_stacklevel
from ..options import Check, boolean, one_of, optional

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..device.snapshot import DeviceSnapshot
    from .noise.model import NoiseModel

SWITCHES: Mapping[str, bool | None] = {
    "noise": True,
    "gate_noise": True,
    "relaxation": True,
    "readout_noise": True,
    "idle_relaxation": False,
    "timing": None,
}
"""Run options that only twins have, and their defaults."""

_SHOWN = 20
"""Places that a warning names at most; hundreds of couplings would fill the screen."""

SWITCH_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(SWITCHES, boolean),
    "timing": optional(one_of([GLOBAL_BARRIERS])),
}


class CircuitCheck(Protocol):
    """Finds what a device cannot do. The twin pickles if this does, as a function of a module."""

    def __call__(
        self, circuits: Sequence[QuantumCircuit], target: Target, *, estimated: bool
    ) -> list[Problem]:
        """Return all problems; if ``estimated``, circuits need not measure anything."""


class Twin:
    """The device of which a simulator is the twin. It can be pickled and copied.

    Args:
        target: The calibration.
        check: What the device cannot do.
        qubit_coordinates: Places of its qubits.
        executed: The Target of compiled circuits, where it is not that for which they are compiled;
            it then has the calibration.
    """

    def __init__(
        self,
        target: Target,
        check: CircuitCheck,
        qubit_coordinates: Sequence[tuple[float, float]] = (),
        executed: Target | None = None,
    ) -> None:
        self.check = check
        self.qubit_coordinates = list(qubit_coordinates)
        self.executed = executed
        self._target = target if executed is None else executed
        self._models: dict[tuple[bool, bool, bool], NoiseModel] = {}
        self._told: set[str] = set()  # warnings that one of the models has given

    def noise(self, options: Mapping[str, Any]) -> NoiseModel | None:
        """Return the noise that some options leave, or None; it is built once, and then warns.

        What most devices have is said once, and not for each combination of options.

        Args:
            options: Those of :data:`SWITCHES`.

        Raises:
            OqtopusOptionError: If the Target has impossible values.
        """
        if not options["noise"]:
            return None
        switches = (options["gate_noise"], options["relaxation"], options["readout_noise"])
        if switches not in self._models:
            # Simulators without noise do not wait for this import.
            from .noise.model import NoiseModel

            gate, relaxation, readout = switches
            self._models[switches] = NoiseModel.from_target(
                self._target, gate=gate, relaxation=relaxation, readout=readout, told=self._told
            )
        return self._models[switches]


def check_switches(options: Mapping[str, Any]) -> None:
    """Refuse combinations of options that mean nothing with noise.

    Raises:
        OqtopusOptionError: For a state vector of what has noise, idle qubits that cannot relax,
            and two ways to say when they do.
    """
    if not options["noise"]:
        return
    if options["statevector"]:
        raise OqtopusOptionError(
            "Option 'statevector' is True, but a circuit with noise has no state vector. Use "
            "density_matrix=True, or noise=False."
        )
    if options["method"] == "statevector":
        raise OqtopusOptionError(
            "Option 'method' is 'statevector', which has no noise. Use 'automatic', "
            "'density_matrix', 'trajectories' or 'stabilizer', or noise=False."
        )
    if options["idle_relaxation"] and not options["relaxation"]:
        raise OqtopusOptionError(
            "Option 'idle_relaxation' is True, but 'relaxation' is False. Leave one of them out."
        )
    if options["timing"] and not options["relaxation"]:
        raise OqtopusOptionError(
            f"Option 'timing' is {options['timing']!r}, but 'relaxation' is False, so that time "
            "does nothing. Leave one of them out."
        )
    if options["timing"] and options["idle_relaxation"]:
        raise OqtopusOptionError(
            f"Options 'timing' and 'idle_relaxation' both say when idle qubits relax. With "
            f"timing={options['timing']!r}, leave idle_relaxation out."
        )


def _warn_of_gaps(target: Target) -> None:
    """Warn if some qubits or couplings have errors and others none: the unknown looks best."""
    unknown = find_unknown(target)
    if unknown:
        more = f"; and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        warnings.warn(
            "This Target has errors, but none of the following, which are simulated without. "
            "transpile() takes them for perfect and prefers them, so that the twin is best where "
            f"nothing is known: {'; '.join(unknown[:_SHOWN])}{more}. Give them errors, or use "
            "initial_layout with good_qubits().",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )


class TwinBackend(BackendV2):
    """The part of :class:`~qiskit_oqtopus.QulacsBackend` that makes twins."""

    _twin: Twin | None

    @classmethod
    def from_backend(cls, backend: BackendV2, *, seed: int | None = None, **options: Any) -> Self:
        """Return a twin of any Qiskit backend, see :meth:`from_target`.

        Of a backend with ``target_with_resonators`` (IQM) the twin runs what this supports, and
        circuits are compiled for ``target``, as they are for the backend.

        Args:
            backend: The backend. Of an OQTOPUS device this is ``backend.twin()``.
            seed: Default of ``seed_simulator``.
            **options: Defaults of the run options, see :meth:`run`.

        Raises:
            OqtopusOptionError: If it is no backend, or as :meth:`from_target` raises it.
        """
        if not isinstance(backend, BackendV2):
            raise OqtopusOptionError(
                f"A twin is made of a BackendV2, not {backend!r}; use from_target for a Target."
            )
        if callable(getattr(backend, "twin", None)):
            twin: Self = backend.twin(seed=seed, **options)
            return twin
        known = getattr(backend, "_twin", None)
        check = known.check if isinstance(known, Twin) else None
        executed = known.executed if isinstance(known, Twin) else _executed_target(backend)
        places = getattr(backend, "qubit_coordinates", None)
        name = f"{backend.name}_twin"
        return cls._build_twin(backend.target, name, check, places, seed, options, executed)

    @classmethod
    def from_target(
        cls,
        target: Target,
        *,
        name: str = "target_twin",
        check: CircuitCheck | None = None,
        qubit_coordinates: Sequence[tuple[float, float]] = (),
        seed: int | None = None,
        **options: Any,
    ) -> Self:
        """Return a twin of the device that a Target describes.

        It has a copy of this Target, runs only what the Target supports, on these qubits and at
        these angles, and has the noise that its errors, durations, T1 and T2 make: see
        :class:`.noise.NoiseModel`.

        Args:
            target: The Target.
            name: Name of the twin.
            check: A function ``(circuits, target, *, estimated)`` that returns what the device
                cannot do, in place of what the Target does not support.
            qubit_coordinates: Places of the qubits, for plots.
            seed: Default of ``seed_simulator``: with it, every run of the same circuits has the
                same counts.
            **options: Defaults of the run options, see :meth:`run`.

        Raises:
            OqtopusOptionError: If an option cannot be used, or if the Target has impossible values,
                all of which are named.

        Warns:
            OqtopusWarning: If noise is not simulated as it is stated, see
                :meth:`.noise.NoiseModel.from_target`; if some qubits or couplings have errors and
                others none, which would look best.
        """
        if not isinstance(target, Target):
            raise OqtopusOptionError(
                f"A twin is made of a Target, not {target!r}; use from_backend for a backend."
            )
        return cls._build_twin(target, name, check, qubit_coordinates, seed, options)

    @classmethod
    def from_snapshot(
        cls,
        snapshot: str | os.PathLike[str] | DeviceSnapshot,
        *,
        seed: int | None = None,
        **options: Any,
    ) -> Self:
        """Return a twin of an OQTOPUS device at the time of one calibration.

        Args:
            snapshot: A :class:`~qiskit_oqtopus.DeviceSnapshot`, or the path of a saved one.
            seed: Default of ``seed_simulator``.
            **options: Defaults of the run options, see :meth:`run`.

        Raises:
            OSError: If the file cannot be read.
            OqtopusError: If it is no snapshot, or as :meth:`from_target` raises it.
        """
        from ..device.check import check_for_twin
        from ..device.snapshot import DeviceSnapshot

        if not isinstance(snapshot, DeviceSnapshot):
            snapshot = DeviceSnapshot.load(snapshot)
        return cls._build_twin(
            snapshot.target(),
            f"{snapshot.device_id}_twin",
            partial(check_for_twin, left_out=snapshot.uncalibrated),
            snapshot.qubit_coordinates,
            seed,
            options,
        )

    @classmethod
    def _build_twin(
        cls,
        target: Target,
        name: str,
        check: CircuitCheck | None,
        qubit_coordinates: Sequence[tuple[float, float]] | None,
        seed: int | None,
        options: Mapping[str, Any],
        executed: Target | None = None,
    ) -> Self:
        values = dict(options)
        if seed is not None and values.setdefault("seed_simulator", seed) != seed:
            raise OqtopusOptionError("Give either 'seed' or 'seed_simulator', not both.")
        from .support import find_unsupported

        target = copy.deepcopy(target)
        switches = {key: values.pop(key) for key in SWITCHES if key in values}
        backend = cls(target, **values)
        backend.name = name
        backend.description = "Twin of a device: its calibration as noise, on Qulacs"
        executed = copy.deepcopy(executed)
        places = qubit_coordinates or ()
        backend._twin = Twin(target, check or find_unsupported, places, executed)
        backend._options.update_options(**SWITCHES)
        backend.set_options(**switches)
        backend._twin.noise(backend.options)  # raises and warns now, not at the first run
        # Whoever has a check of his own knows what the Target leaves out.
        if check is None and backend.options.noise:
            _warn_of_gaps(target)
        return backend

    @property
    def qubit_coordinates(self) -> list[tuple[float, float]]:
        """(row, column) of each qubit of a twin, for Qiskit's ``plot_gate_map``; else empty."""
        return [] if self._twin is None else list(self._twin.qubit_coordinates)


def _executed_target(backend: BackendV2) -> Target | None:
    """Return the Target of compiled circuits, where it is not that for which they are compiled.

    The devices of IQM with a resonator are compiled for without it, and have another Target beside.
    """
    try:
        target = getattr(backend, "target_with_resonators", None)
    except ValueError:  # there are no resonators
        return None
    return target if isinstance(target, Target) else None
