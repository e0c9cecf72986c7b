"""The local simulator as a Qiskit backend."""

from __future__ import annotations

import copy
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import Options
from qiskit.transpiler import Target

from ..circuits import UnboundError, bind_parameters, circuits_of, describe_measured_qubits
from ..device.target_methods import TargetMethods
from ..drawing.card import build_card
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
    users_stacklevel,
)
from ..options import (
    MAX_SEED,
    Check,
    boolean,
    check_options,
    integer,
    meas_level,
    meas_return,
    optional,
    shot_count,
)
from ..version import __version__
from .compile.choose_engine import check_engine, compiler_for, density_matrix, method
from .compile.compile import divide
from .engines.run import Settings
from .job import QulacsJob
from .memory import Budget, branch_bytes, max_qubits
from .optimize import stages
from .optimize.cost import TEMPLATE_SETS
from .plan import UNPACKED, AnyPlan, Plan, find_approximations, find_width, pack
from .result import header, headers_of_sets
from .target import ideal_target, widen
from .threads import limit_threads
from .twin import SWITCH_CHECKS, TwinBackend, check_switches
from .wheel import HINT_QUBITS, hint_at_build

if TYPE_CHECKING:
    from .engines.expectation import Observables


def _executor(name: str, value: Any) -> Any:
    if value is None:
        return None
    if not callable(getattr(value, "submit", None)):
        raise OqtopusOptionError(
            f"Option {name!r} must be a concurrent.futures.Executor (something with a submit "
            f"method) or None, not {value!r}."
        )
    if isinstance(value, ProcessPoolExecutor):
        context = value._mp_context
        if context is not None and context.get_start_method() == "fork":
            raise OqtopusOptionError(
                f"Option {name!r} is a process pool that forks, which deadlocks in OpenMP once "
                "this process has simulated. Make it with "
                "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
            )
    return value


_OPTIONS: dict[str, tuple[Check, Any]] = {
    "shots": (shot_count(), 1024),
    "memory": (boolean, False),
    "seed_simulator": (optional(integer(0, MAX_SEED)), None),
    "statevector": (boolean, False),
    "density_matrix": (density_matrix, False),
    "method": (method, "automatic"),
    "executor": (_executor, None),
    "max_job_size": (optional(integer(1)), None),
    "max_parallel_threads": (optional(integer(1)), None),
    "max_memory_mb": (optional(integer(1)), None),
    "meas_level": (meas_level, 2),
    "meas_return": (meas_return, None),
}
"""The check and the default of each run option."""

_STABILIZER_QUBITS = 1024
"""Number of qubits of the default Target where their number is of little cost."""

_CHECKS: dict[str, Check] = {name: check for name, (check, _) in _OPTIONS.items()}
_TWIN_CHECKS = {**_CHECKS, **SWITCH_CHECKS}


_SHOWN = 20
"""Circuits that a warning names at most."""


def _warn_of_approximations(found: Mapping[str, Sequence[str]]) -> None:
    """Warn of what is approximated, and in which circuits."""
    if not found:
        return
    said = []
    for what, circuits in sorted(found.items(), reverse=True):
        more = len(circuits) - _SHOWN
        listed = ", ".join(circuits[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        said.append(f"{what}, in circuits {listed}")
    warnings.warn(
        f"The stabilizer engine approximates noise: {'; '.join(said)}. How much that changes is on "
        "the page 'Clifford circuits'; methods 'density_matrix' and 'trajectories' are exact.",
        OqtopusWarning,
        stacklevel=users_stacklevel(),
    )


class QulacsBackend(TargetMethods, TwinBackend):
    """A simulator of any Qiskit circuit, on Qulacs state vectors; noiseless, or a device's twin.

    It needs no account and no network. All circuits are simulated exactly: measurements at the
    end are sampled from one final state, and circuits with measurements, resets or control flow
    inside by branching over the outcomes. Only active qubits count: idle qubits cost nothing, and
    circuits that fall into independent parts are simulated part by part.

    ``run`` simulates any circuit, whatever the Target says of it; the Target is what ``transpile``
    compiles for.

    A twin of a device, which has the noise that its calibration says and refuses what it refuses,
    is made by :meth:`from_backend`, :meth:`from_target` or :meth:`from_snapshot`, and of an
    OQTOPUS device by its method ``twin``.

    Args:
        target: The Target that circuits are compiled for. By default, all operations on
            all qubits, without couplings, durations or errors.
        num_qubits: Number of qubits of the default Target. By default, as many as fit into the
            memory that is available now, at 48 bytes per amplitude: floor(log2((bytes - 1 MiB) /
            48)), at most 30. See :mod:`qiskit_oqtopus.simulator.memory`. With
            ``method="stabilizer"``, 1024.
        **options: Defaults of the run options, see :meth:`run`.

    Raises:
        OqtopusOptionError: If an option is unknown or its value cannot be used.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> bell = QuantumCircuit(2)
        >>> bell.h(0); bell.cx(0, 1); bell.measure_all()  # doctest: +ELLIPSIS
        <...>
        >>> job = QulacsBackend(seed_simulator=7).run(bell, shots=100)
        >>> sorted(job.result().get_counts())
        ['00', '11']
    """

    def __init__(
        self, target: Target | None = None, *, num_qubits: int | None = None, **options: Any
    ) -> None:
        super().__init__(
            name="qulacs_simulator",
            description="Noiseless simulator on Qulacs state vectors",
            backend_version=__version__,
        )
        self._twin = None
        self.set_options(**options)
        if target is not None and not isinstance(target, Target):
            raise OqtopusOptionError(
                f"Option 'target' must be a qiskit.transpiler.Target, not {target!r}; of another "
                "backend take backend.target."
            )
        if num_qubits is not None:
            num_qubits = integer(1)("num_qubits", num_qubits)
        if target is None or not target.num_qubits:
            if num_qubits is None:
                num_qubits = max_qubits(self._budget(self.options.max_memory_mb).available)
                if self.options.method == "stabilizer":
                    num_qubits = _STABILIZER_QUBITS
            target = ideal_target(num_qubits) if target is None else widen(target, num_qubits)
        elif num_qubits not in (None, target.num_qubits):
            raise OqtopusOptionError(
                f"Option 'num_qubits' is {num_qubits}, but the target has {target.num_qubits} "
                "qubits; leave one of them out."
            )
        self._target = target

    @property
    def target(self) -> Target:
        """The Target that circuits are compiled for."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """The number of circuits that one ``run`` takes: any."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(**{name: default for name, (_, default) in _OPTIONS.items()})

    def set_options(self, **fields: Any) -> None:
        """Set defaults of the run options.

        Args:
            **fields: Options of :meth:`run`.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
        """
        self._options.update_options(**check_options(fields, self._checks))

    @property
    def _checks(self) -> dict[str, Check]:
        return _CHECKS if self._twin is None else _TWIN_CHECKS

    def run(
        self, run_input: QuantumCircuit | Iterable[QuantumCircuit], **options: Any
    ) -> QulacsJob:
        """Simulate circuits in the background.

        All circuits are compiled first, so that everything wrong with any of them is said at once
        and nothing is run then.

        Args:
            run_input: A circuit, or several.
            **options: Any of these; the defaults are those of ``options``:

                * ``shots`` (int): Number of shots per circuit, 1024.
                * ``memory`` (bool): Whether to return the outcome of each shot, False.
                * ``seed_simulator`` (int): Seed in [0, 2**64). The same seed gives the same counts
                  and memory for any executor, max_job_size and number of threads. Default: a
                  new one, which the result reports as ``seed``.
                * ``statevector`` (bool): Whether to return the exact state before the terminal
                  measurements, a complex array of shape (2**num_qubits,) in Qiskit's order,
                  global phase included, False.
                * ``density_matrix``: True for the exact state of all qubits before the terminal
                  measurements, noise included, a complex array of shape (2**k, 2**k) in Qiskit's
                  order; or a list of k qubits, where the others are traced out. False.
                * ``method`` (str): "automatic", "statevector", "density_matrix", "trajectories" or
                  "stabilizer", which runs Clifford circuits of any width and needs stim. With
                  noise, automatic is the faster one of density_matrix and trajectories that fits
                  into the memory, or else stabilizer; without noise it is the state vector, or
                  stabilizer where that takes less time.
                * ``noise`` (bool): Of twins only, like all that follow in this list up to
                  ``timing``: whether there is any noise, True.
                * ``gate_noise`` (bool): Whether gates have their stated errors, True; without,
                  qubits still relax.
                * ``relaxation`` (bool): Whether qubits relax in gates and delays, True; without,
                  gates have their stated errors nevertheless.
                * ``readout_noise`` (bool): Whether bits are read wrongly, True.
                * ``idle_relaxation`` (bool): Whether qubits relax while they wait for others,
                  False. Circuits are scheduled as late as possible, and have no control flow.
                * ``timing`` (str): "global_barriers" for the time that circuits take on a real
                  device: qubits relax while they wait for others, each barrier and each rz is one
                  over all qubits, and all qubits are read at the end; see
                  :mod:`qiskit_oqtopus.device.timing`. None: as ``idle_relaxation`` says.
                * ``executor`` (concurrent.futures.Executor): Where chunks of circuits run; None is
                  a thread of this process.
                * ``max_job_size`` (int): Circuits per chunk for the executor. Default: a 32nd
                  of all.
                * ``max_parallel_threads`` (int): Threads that Qulacs may use on states of any
                  size; works only before the first simulation of a process. Default: all, on
                  states that are large enough, unless the environment says otherwise.
                * ``max_memory_mb`` (int): Memory that one circuit may take in MiB. Default: what
                  is available.
                * ``meas_level``: 2. Others are refused: there is no signal behind the counts.
                * ``meas_return``: Accepted; it means nothing for counts.

        Returns:
            The job, which has been started.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
            OqtopusCircuitError: If a circuit cannot be run; it lists all problems of all circuits.

        Warns:
            OqtopusWarning: If a circuit has no counts, if max_parallel_threads comes too late, and
                of what is approximated where noise meets the method "stabilizer".
        """
        values = {**self.options, **options}
        values = self._check_values(values)
        circuits = circuits_of(run_input, self.name)
        plans = self._compile(circuits, values)
        self._warn(circuits, plans, values)
        headers = [header(circuit) for circuit in circuits]
        if self._twin is not None:
            for described, circuit in zip(headers, circuits, strict=True):
                described.update(describe_measured_qubits(circuit))
        job = self._job(plans, headers, values)
        job.submit()
        return job

    def _run_sets(
        self,
        circuit: QuantumCircuit,
        parameters: NDArray[np.float64],
        observables: Observables | None = None,
        **options: Any,
    ) -> QulacsJob:
        """Return a job of one circuit for many sets of values of its parameters; for primitives.

        Args:
            circuit: The circuit.
            parameters: Shape (sets, parameters), in the order of ``circuit.parameters``.
            observables: The observables whose expectation values are wanted, in place of counts.
            **options: As for :meth:`run`.

        Returns:
            The job, whose ``outcomes()`` are those of the sets. ``submit()`` starts it.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
            OqtopusCircuitError: If the circuit cannot be run.
        """
        exact = observables is not None
        values = self._check_values({**self.options, **options}, exact)
        try:
            plans = self._compile_sets(circuit, parameters, exact, values)
            headers = headers_of_sets(circuit, parameters)
        except UnboundError as error:
            cure = "leave out values for which it has none"
            problem = Problem(0, circuit.name, str(error), cure)
            raise OqtopusCircuitError([problem], self.name) from error
        return self._job(plans, headers, values, observables, keep_outcomes=True)

    def _check_values(self, values: dict[str, Any], exact: bool = False) -> dict[str, Any]:
        """Check run options, each by itself and all together; return them normalized."""
        values = check_options(values, self._checks)
        if self._twin is not None:
            check_switches(values)
        check_engine(values, exact)
        return values

    def _compile_sets(
        self,
        circuit: QuantumCircuit,
        parameters: NDArray[np.float64],
        exact: bool,
        values: dict[str, Any],
    ) -> Sequence[AnyPlan]:
        from .compile.template import compile_template  # run() does not wait for its import

        ideal = self._twin is None and values["method"] in ("automatic", "statevector")
        template = None
        if ideal and circuit.num_parameters and len(parameters) >= TEMPLATE_SETS:
            template = compile_template(circuit, parameters[0].tolist())
        # Fusing the operations of a large state needs their angles, and saves more than a template.
        if template is None or len(template.plan.qubits) >= stages.FUSED_QUBITS:
            return self._compile(bind_parameters(circuit, parameters), values, exact)
        budget = self._budget(values["max_memory_mb"])
        shots = 0 if exact else values["shots"]
        plans = template.plans(parameters)
        divided: list[AnyPlan] = []
        for plan in plans:
            found = divide(plan, budget, shots=shots)
            if isinstance(found, Plan):  # all sets have the same parts: one
                return plans
            if isinstance(found, tuple):
                raise OqtopusCircuitError([Problem(0, circuit.name, *found)], self.name)
            divided.append(found)
        return divided

    def _job(
        self,
        plans: Sequence[AnyPlan],
        headers: list[dict[str, Any]],
        values: dict[str, Any],
        observables: Observables | None = None,
        keep_outcomes: bool = False,
    ) -> QulacsJob:
        identifier = uuid.uuid4()
        seed = values["seed_simulator"]
        settings = Settings(
            shots=values["shots"],
            # 53 bits survive a trip through JSON numbers. Asking the operating system for more
            # would take longer than a small circuit.
            seed=identifier.int & ((1 << 53) - 1) if seed is None else seed,
            memory=values["memory"],
            statevector=values["statevector"],
            max_threads=values["max_parallel_threads"],
            branch_bytes=branch_bytes(values["max_memory_mb"]),
            memory_is_set=values["max_memory_mb"] is not None,
            observables=observables,
            density_matrix=values["density_matrix"],
        )
        return QulacsJob(
            self,
            str(identifier),
            plans,
            headers,
            settings,
            values["executor"],
            values["max_job_size"],
            keep_outcomes,
        )

    def _compile(
        self, circuits: list[QuantumCircuit], values: dict[str, Any], exact: bool = False
    ) -> list[AnyPlan]:
        budget = self._budget(values["max_memory_mb"])
        plans: list[AnyPlan] = []
        problems: list[Problem] = []
        approximated: dict[str, list[str]] = {}
        widest = 0
        noise = None
        if self._twin is not None:
            estimated = exact or values["statevector"] or values["density_matrix"] is not False
            runs = self._twin.executed or self._target
            problems.extend(self._twin.check(circuits, runs, estimated=estimated))
            noise = self._twin.noise(values)
        refused = {problem.circuit for problem in problems}
        compile_one = compiler_for(
            values, budget=budget, dt=self._target.dt, noise=noise, exact=exact
        )
        for index, circuit in enumerate(circuits):
            if index in refused:
                continue
            plan, found = compile_one(circuit, index)
            if found:
                problems.extend(found)
            if plan is not None:
                for what in find_approximations(plan):
                    approximated.setdefault(what, []).append(f"{index} ({circuit.name!r})")
                if len(circuit.qubits) >= HINT_QUBITS:
                    widest = max(widest, find_width(plan))
                plans.append(plan if len(plans) < UNPACKED else pack(plan))
        if problems:
            problems.sort(key=lambda problem: problem.circuit)
            raise OqtopusCircuitError(problems, self.name)
        _warn_of_approximations(approximated)
        hint_at_build(widest)
        return plans

    def _warn(
        self,
        circuits: Sequence[QuantumCircuit],
        plans: Sequence[AnyPlan],
        values: dict[str, Any],
    ) -> None:
        if not values["statevector"] and values["density_matrix"] is False:
            silent = [
                f"{index} ({circuit.name!r})"
                for index, (circuit, plan) in enumerate(zip(circuits, plans, strict=True))
                if not plan.has_counts
            ]
            if silent:
                warnings.warn(
                    f"No classical bit is written in circuits {', '.join(silent)}: their results "
                    "have no counts. Add measurements, or ask for "
                    f"{'density_matrix' if self._twin else 'statevector'}=True.",
                    OqtopusWarning,
                    stacklevel=users_stacklevel(),
                )
        here = values["executor"] is None or isinstance(values["executor"], ThreadPoolExecutor)
        if here and not limit_threads(values["max_parallel_threads"]):
            warnings.warn(
                f"max_parallel_threads={values['max_parallel_threads']} comes too late: Qulacs "
                "took its number of threads at the first simulation of this process. Start a new "
                "process, or set QULACS_NUM_THREADS before.",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )

    @staticmethod
    def _budget(max_memory_mb: int | None) -> Budget:
        return Budget(None if max_memory_mb is None else max_memory_mb << 20)

    def __repr__(self) -> str:
        return f"<QulacsBackend('{self.name}', num_qubits={self.num_qubits})>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        facts = {"qubits": self.num_qubits, "is": self.description}
        device = self if self._twin is not None else None
        return build_card(f"QulacsBackend {self.name}", facts, device=device)

    def __deepcopy__(self, memo: dict[int, Any]) -> QulacsBackend:
        """Copy all but the executor, which both copies share: it cannot be copied."""
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        options = copy.copy(self._options)
        for name, value in self.__dict__.items():
            clone.__dict__[name] = options if name == "_options" else copy.deepcopy(value, memo)
        return clone

    def __getstate__(self) -> dict[str, Any]:
        """Leave the executor behind: it cannot be pickled, and it changes no result."""
        options = copy.copy(self._options)
        options["executor"] = None
        return {**self.__dict__, "_options": options}
