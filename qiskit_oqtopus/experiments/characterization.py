"""A night of calibration: readout, lifetimes and errors of gates of a whole chip at once."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.providers import BackendV2
from qiskit_experiments.framework import BatchExperiment, ExperimentConfig, ExperimentData, Options

from ..cloud.backend import OqtopusBackend
from ..device.selection import MAX_COUPLING_ERROR, MAX_GATE_ERROR, MAX_READOUT_ERROR
from ..exceptions import OqtopusOptionError
from .composite import IndexedAnalysis
from .execution import run
from .folder import load_from_folder, run_in_folder
from .partial_data import PartialData
from .plan import Component, Plain, build_components, change, count_points, resolve
from .plan_text import describe_plan
from .report import write_report
from .table import build_table, find_bad

if TYPE_CHECKING:
    from pandas import DataFrame
    from typing_extensions import Self

FIGURES = 12
"""Of how many bad fits a report has figures."""

_CHANGEABLE = ("delays", "lengths", "samples", "seed", "max_gates")


class Characterization(BatchExperiment):
    """Measures the qubits and couplings of a chip, as many at a time as do not disturb each other.

    The experiments are those of qiskit-experiments with their analyses: LocalReadoutError, T1,
    T2Hahn, StandardRB of each qubit, and InterleavedRB of the native cx of each coupling. Whoever
    asks for it gets CHSH and ParityOscillation of the two qubits of each coupling, too. Those of
    one group run in the same circuits. These are placed on the physical qubits without a transpiler
    such that, on a real device as well, each experiment takes the time that it takes alone. Each
    gets its own data also if others have none.

    All is decided in the constructor, and :meth:`to_plain` has it as plain data.

    Args:
        backend: Any BackendV2 with the instructions x, sx, rz, delay, and cx for couplings.
        measure: What to measure: any of "readout", "t1", "t2", "rb" of qubits and "irb", "chsh",
            "parity" of couplings; None for all but the last two.
        qubits: "good", "all" or a list.
        couplings: "good", "all" or a list of pairs. Of a list of qubits, those between them. A
            coupling that is listed in both directions is measured in that of the smaller error.
        shots: Shots of each circuit.
        delays: Delays in s of T1 and T2, or of each: ``{"t1": ..., "t2": ...}``. None takes 12 up
            to 3.35 times the stated lifetime of each qubit.
        lengths: Lengths of both kinds of RB, or of each: ``{"rb": ..., "irb": ...}``. None takes
            six, of which the longest leaves room for several qubits or couplings in a circuit.
        samples: Random sequences per length.
        seed: Seed of the sequences; None draws one, which the plan then has.
        separation: How far qubits of a group are apart: with 1 no neighbours are in one, with 0 all
            qubits are (and couplings that share none).
        max_gates: Gates of a circuit at most; groups are split until they have no more. Real
            devices need a time that grows with the square of it.
        max_error: Largest error of a good coupling, see :func:`.device.selection.good_couplings`.
        max_gate_error: See :func:`.device.selection.good_qubits`.
        max_readout_error: The same.
        min_t1: The same.
        min_t2: The same.

    Raises:
        OqtopusOptionError: If the backend cannot do it, or an option has no meaning.

    Warns:
        OqtopusWarning: If the device has no calibration, so that all qubits are taken for good.
    """

    def __init__(
        self,
        backend: BackendV2,
        *,
        measure: Iterable[str] | None = None,
        qubits: str | Iterable[int] = "good",
        couplings: str | Iterable[tuple[int, int]] = "good",
        shots: int = 2000,
        delays: Any = None,
        lengths: Any = None,
        samples: int = 3,
        seed: int | None = None,
        separation: int = 1,
        max_gates: int = 2000,
        max_error: float | None = MAX_COUPLING_ERROR,
        max_gate_error: float | None = MAX_GATE_ERROR,
        max_readout_error: float | None = MAX_READOUT_ERROR,
        min_t1: float | None = None,
        min_t2: float | None = None,
    ) -> None:
        if not isinstance(backend, BackendV2):
            raise OqtopusOptionError(f"A characterization is of a BackendV2, not of {backend!r}.")
        plain = resolve(
            backend,
            measure=measure,
            qubits=qubits if isinstance(qubits, str) else list(qubits),
            couplings=couplings if isinstance(couplings, str) else list(couplings),
            limits={
                "max_error": max_error,
                "max_gate_error": max_gate_error,
                "max_readout_error": max_readout_error,
                "min_t1": min_t1,
                "min_t2": min_t2,
            },
            separation=separation,
            max_gates=max_gates,
            delays=delays,
            lengths=lengths,
            samples=samples,
            seed=seed,
            shots=shots,
        )
        self._build(plain, backend)

    def _build(self, plain: Plain, backend: BackendV2 | None) -> None:
        self._plain = plain
        components: list[Component] = build_components(plain)
        super().__init__(
            components,
            backend=backend,
            analysis=IndexedAnalysis(
                [component.analysis for component in components],
                [component.points for component in components],
            ),
        )
        options = self.experiment_options
        options.update_options(**{name: plain[name] for name in _CHANGEABLE})
        self.set_run_options(shots=plain["shots"])

    @classmethod
    def _default_experiment_options(cls) -> Options:
        """Default experiment options.

        Experiment Options:
            delays, lengths, samples, seed, max_gates: As the arguments of the class.
        """
        options = super()._default_experiment_options()
        options.update_options(**dict.fromkeys(_CHANGEABLE))
        return options

    def set_experiment_options(self, **fields: Any) -> None:
        """Set options. Delays, lengths, samples, seed and max_gates make the plan anew.

        Args:
            **fields: The options.

        Raises:
            AttributeError: If there is no such option.
            OqtopusOptionError: If an option has no meaning.
        """
        changed = {name: fields.pop(name) for name in _CHANGEABLE if name in fields}
        super().set_experiment_options(**fields)
        if changed:
            config = self.config()
            self._build(change(self.to_plain(), changed), self.backend)
            super().set_experiment_options(**config.experiment_options)
            self.set_run_options(**config.run_options)

    # -- plain data ---------------------------------------------------------------------------

    def to_plain(self) -> Plain:
        """Return the whole plan as plain data, for :meth:`from_plain`: JSON, without secrets."""
        plain = copy.deepcopy(self._plain)
        plain["shots"] = int(self.run_options.get("shots") or plain["shots"])
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], backend: BackendV2 | None = None) -> Self:
        """Return the same plan again; it makes the same circuits without its backend too.

        Args:
            plain: What :meth:`to_plain` returned.
            backend: A backend to run it on, or None.

        Raises:
            OqtopusOptionError: If these are not the data of a plan.
        """
        if not isinstance(plain, Mapping) or plain.get("version") != 1:
            raise OqtopusOptionError("These are not the data of a plan of this version.")
        plan = cls.__new__(cls)
        try:
            plan._build(copy.deepcopy(dict(plain)), backend)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise OqtopusOptionError(f"The data of the plan are broken: {error!r}.") from error
        return plan

    def config(self) -> ExperimentConfig:
        """Return the plan as a config of qiskit-experiments."""
        names = set(self._set_experiment_options) - set(_CHANGEABLE)
        return ExperimentConfig(
            cls=type(self),
            kwargs={"plain": self.to_plain()},
            experiment_options={name: getattr(self.experiment_options, name) for name in names},
            run_options={name: getattr(self.run_options, name) for name in self._set_run_options},
        )

    @classmethod
    def from_config(cls, config: ExperimentConfig | dict[str, Any]) -> Self:
        """Return the plan of a config of qiskit-experiments."""
        if isinstance(config, dict):
            config = ExperimentConfig(**config)
        plan = cls.from_plain(config.kwargs["plain"])
        plan.set_experiment_options(**config.experiment_options)
        plan.set_run_options(**config.run_options)
        return plan

    # -- what is planned ----------------------------------------------------------------------

    @property
    def groups(self) -> dict[str, list[list[Any]]]:
        """What runs together: by what is measured, lists of qubits or of [control, target]."""
        return copy.deepcopy(self._plain["groups"])

    @property
    def num_circuits(self) -> int:
        """Number of circuits."""
        return sum(
            count_points(self._plain, kind) * len(groups)
            for kind, groups in self._plain["groups"].items()
        )

    def __str__(self) -> str:
        limit = None if self.backend is None else self._max_circuits(self.backend)
        return describe_plan(self.to_plain(), limit)

    # -- running ------------------------------------------------------------------------------

    def run(
        self,
        backend: BackendV2 | None = None,
        sampler: Any = None,
        analysis: Any = "default",
        timeout: float | None = None,
        backend_run: bool | None = None,
        *,
        folder: str | os.PathLike[str] | None = None,
        **run_options: Any,
    ) -> ExperimentData:
        """Run the experiment and analyse it, as BaseExperiment.run does; by ``backend.run``.

        On a device of OQTOPUS Cloud, the programs say what they belong to, and
        :func:`~qiskit_oqtopus.experiments.load` finds the data by the id of the job.

        Args:
            backend: Another backend than that of the plan.
            sampler: A sampler, which then runs the circuits.
            analysis: None for no analysis.
            timeout: Longest time in s to wait for jobs before they are cancelled.
            backend_run: Whether ``backend.run`` is called: unless there is a sampler.
            folder: A folder that keeps the plan and the ids of its jobs, on a device of OQTOPUS
                Cloud. Whatever interrupts the run, it goes on with :meth:`load`, or with the same
                call: only circuits that were not sent, or have failed, are sent.
            **run_options: Options of the backend.

        Raises:
            OqtopusOptionError: If the folder has another plan, or the backend keeps no jobs.
            OqtopusError: If the circuits cannot be run or sent.

        Warns:
            OqtopusWarning: If a run is gone on with and the device has another calibration by now.
        """
        options = {"analysis": analysis, "timeout": timeout, **run_options}
        backend = self.backend if backend is None else backend
        if not isinstance(backend, OqtopusBackend):
            options.pop("progress", None)  # what is not sent needs no bar
        if folder is not None:
            return run_in_folder(self, backend, folder, **options)
        if sampler is None and backend_run is not False and backend is not None:
            return run(self, backend, **options)
        if backend_run is None:
            backend_run = sampler is None
        return super().run(backend, sampler, backend_run=backend_run, **options)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], backend: BackendV2 | None = None) -> Self:
        """Return the plan of a folder, to go on with by ``run(folder=folder)``; sends nothing.

        Args:
            folder: That of an earlier :meth:`run`.
            backend: The device; None to look at the plan only.

        Raises:
            OqtopusOptionError: If the folder has no plan of a characterization, or the backend is
                not its device.
        """
        plan = load_from_folder(folder, backend)
        if isinstance(plan, cls):
            return plan
        raise OqtopusOptionError(f"The plan in {folder} is a {type(plan).__name__}.")

    def _initialize_experiment_data(self) -> ExperimentData:
        return PartialData(experiment=self)

    def table(self, data: ExperimentData) -> DataFrame:
        """Return what was found, one row per element and quantity, in s and probabilities.

        Args:
            data: Analysed data of :meth:`run`.

        Returns:
            A table with :data:`.comparison.COLUMNS`. A value that was not found is NaN, its quality
            is "bad", and ``reason`` says why. ``attrs`` has ``device``, ``calibrated_at`` and
            ``run_time``.

        Raises:
            OqtopusOptionError: If the data have not been analysed.
        """
        return build_table(self._plain, data)

    def report(
        self, folder: str | os.PathLike[str], data: ExperimentData, *, device: Any = None
    ) -> Path:
        """Write a page about what was found, with tables and pictures.

        It says what has changed since the last night of the device whose report is in a folder
        beside this one; :func:`~qiskit_oqtopus.experiments.load_history` reads all of them.

        Args:
            folder: Where ``index.html``, ``values.csv``, ``qubits.csv``, ``couplings.csv`` and
                ``figures/`` go.
            data: Analysed data of :meth:`run`.
            device: The chip to draw: a backend or a snapshot; None for the backend of the plan.

        Returns:
            The path of ``index.html``.
        """
        table = self.table(data)
        bad = find_bad(table, FIGURES)
        drawn = self.analysis.draw(data, bad)
        figures = {bad[kind, qubits]: figure for kind, qubits, figure in drawn}
        chip = device if device is not None else self.backend or data.backend
        return write_report(folder, table, device=chip, plan=str(self), figures=figures)
