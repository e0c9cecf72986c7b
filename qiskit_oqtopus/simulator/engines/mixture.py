"""Exact expectation values in the final state of a circuit with resets.

A reset of a qubit that is entangled with others leaves a mixture of two states. All branches of the
mixture are kept, each with its probability; nothing is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ...exceptions import OqtopusError
from ..plan import Plan
from ..state import Flag
from .branches import Branches
from .dynamic import DynamicRun
from .ensemble import ensemble_of
from .expectation import ActiveObservables

MAX_BRANCHES = 1024
"""At most this many branches of a mixture are kept, or fewer if they would take too much memory."""

_FEW_BRANCHES = 64
"""Keeping up to this many branches costs less than finding out whether fewer would do."""

_NEGLIGIBLE = 1e-20
"""A branch of at most this probability is left out: 64-bit numbers do not resolve its part."""


class Mixture(DynamicRun):
    """One run of a plan without measurements, as estimators have them.

    The ``shots`` of its branches are probabilities.

    Args:
        plan: What is run.
        branch_bytes: Bound on the state vectors alive at once; two are always allowed.
        cancelled: Looked at between gates.
    """

    def __init__(self, plan: Plan, branch_bytes: int, cancelled: Flag | None = None) -> None:
        # Nothing is drawn: the generator is never asked.
        super().__init__(plan, np.random.default_rng(0), branch_bytes, cancelled)
        self._capacity = min(self._capacity, MAX_BRANCHES)
        self._compress_from = min(_FEW_BRANCHES, self._capacity)
        self._observables: ActiveObservables | None = None
        self._values: list[NDArray[np.float64]] = []

    def expectation_values(self, observables: ActiveObservables) -> NDArray[np.float64]:
        """Return the expectation value of each observable in the final state.

        Raises:
            OqtopusError: If the mixture has more branches than can be kept.
            Cancelled: If the flag was set.
        """
        self._observables = observables
        self._values = []
        self.run(1)
        total: NDArray[np.float64] = np.sum(self._values, axis=0)
        return total

    def _reset(self, group: Branches, at: int, qubit: int) -> list[tuple[int, Branches]]:
        ((goal, group),) = super()._reset(group, at, qubit)
        if len(group) > self._compress_from:
            group = self._compress(group, qubit)
            # Whatever the bound is, the mixture is compressed before anything is refused.
            self._compress_from = min(max(_FEW_BRANCHES, 2 * len(group)), self._capacity)
        if len(group) > self._capacity:
            raise OqtopusError(
                f"its resets leave a mixture for which more than {self._capacity} states of "
                f"{self._num_qubits} qubits would have to be kept; take method='density_matrix' "
                "if there is the memory for it, SamplerV2, or circuits with fewer resets of "
                "entangled qubits"
            )
        return [(goal, group)]

    def _split(
        self, group: Branches, at: int, qubit: int, p_one: NDArray[np.float64]
    ) -> tuple[Branches, int]:
        """Return both outcomes of all branches."""
        zeros = np.flatnonzero(1 - p_one > _NEGLIGIBLE)
        ones = np.flatnonzero(p_one > _NEGLIGIBLE)
        states = group.states.split(qubit, zeros, ones, p_one)
        result = group.with_states(states, [*zeros.tolist(), *ones.tolist()])
        weights = [(group.shots * (1 - p_one))[zeros], (group.shots * p_one)[ones]]
        result.shots = np.concatenate(weights)
        return result, len(zeros)

    def _compress(self, group: Branches, qubit: int) -> Branches:
        """Return the same mixture with as many branches as the rank of its density matrix.

        The rows A of the branches, each times the root of its probability, give the density matrix
        as the transpose of A^dagger A. With A = U S V that is V^dagger S^2 V: the rows of S V do,
        and those that are 0 are left out.

        Args:
            group: The branches.
            qubit: It is in 0 in all of them.
        """
        n = self._num_qubits
        rows = np.array([group.states.vector(branch) for branch in range(len(group))])
        rows *= np.sqrt(group.shots)[:, np.newaxis]
        # One qubit is in 0: the rest has half of the dimensions.
        inside = rows.reshape(len(rows), -1, 2, 1 << qubit)[:, :, 0].reshape(len(rows), -1)
        if len(inside) > inside.shape[1]:
            inside = np.asarray(np.linalg.qr(inside, mode="r"))  # R^dagger R is A^dagger A
        _, singular, vectors = np.linalg.svd(inside, full_matrices=False)
        weights = singular**2
        kept = np.flatnonzero(weights > _NEGLIGIBLE)
        rows = np.zeros((len(kept), 1 << n), dtype=complex)
        rows.reshape(len(kept), -1, 2, 1 << qubit)[:, :, 0] = vectors[kept].reshape(
            len(kept), -1, 1 << qubit
        )
        # Without measurements the classical values of all branches are the same.
        result = group.with_states(ensemble_of(rows, n), [0] * len(kept))
        result.shots = weights[kept]
        return result

    def _finish(self, group: Branches) -> None:
        assert self._observables is not None  # noqa: S101 - set before the run
        state: Any = qulacs.QuantumState(self._num_qubits)
        for branch, weight in enumerate(group.shots.tolist()):
            state.load(group.states.vector(branch))
            self._values.append(weight * self._observables.values(state))
