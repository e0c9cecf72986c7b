"""Circuits that are products of independent parts: each part by its engine, then all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operations import Matrix
from ..plan import BLOCK_SHOTS, Part, ProductPlan, Wanted
from ..state import Cancelled, Flag
from .expectation import Observables
from .pairing import pair
from .run import Settings, estimate, expand, run_plan
from .sampling import Streams, shuffle_shots


def run_product(
    plan: ProductPlan, index: int, streams: Streams, settings: Settings, cancelled: Flag | None
) -> dict[str, Any]:
    """Run all parts of a circuit, and join what they give.

    Args:
        plan: The circuit.
        index: Its position in the job.
        streams: Where the randomness comes from.
        settings: What is wanted.
        cancelled: Looked at between parts, and inside of them.

    Returns:
        The fields of the outcome of the circuit.

    Raises:
        Cancelled: If the flag was set.
    """
    outcome = _build_state(plan, settings, streams, index, cancelled)
    if not plan.has_counts:
        return outcome
    totals: dict[int, int] = {}
    for block, start in enumerate(range(0, settings.shots, BLOCK_SHOTS)):
        shots = min(BLOCK_SHOTS, settings.shots - start)
        asked = replace(
            settings, shots=shots, memory=False, statevector=False, density_matrix=False
        )
        read = []
        for part in plan.parts:
            if part.plan.has_counts:
                _look(cancelled)
                generator = streams.of_part(index, part.stream, block)
                found = run_plan(part.plan, generator, asked, cancelled)
                read.append((*found["counts"], part.clbits))
        keys, counts = pair(read, shots, streams.of_part(index, 0, block), cancelled)
        if settings.shots > BLOCK_SHOTS:
            for key, count in zip(keys, counts, strict=True):
                totals[key] = totals.get(key, 0) + count
    if totals:
        keys = sorted(totals)
        counts = [totals[key] for key in keys]
    outcome["counts"] = keys, counts
    if settings.memory:
        order = shuffle_shots(counts, streams.of_part(index, 0, block + 1))
        outcome["memory"] = [keys[i] for i in order.tolist()]
    return outcome


def _look(cancelled: Flag | None) -> None:
    if cancelled is not None and cancelled.is_set():
        raise Cancelled


# -- states ---------------------------------------------------------------------------------------


def _build_state(
    plan: ProductPlan,
    settings: Settings,
    streams: Streams,
    index: int,
    cancelled: Flag | None,
) -> dict[str, Any]:
    """Return the state vector or the density matrix, if one of them is wanted."""
    if not settings.statevector and settings.density_matrix is False:
        return {}
    name = "statevector" if settings.statevector else "density_matrix"
    wanted = _find_wanted(plan, settings.density_matrix)
    state = np.ones(1 if settings.statevector else (1, 1), dtype=complex)
    qubits: list[int] = []
    for part in plan.parts:
        places = [place for place, qubit in enumerate(part.qubits) if qubit in wanted]
        if not places:
            continue
        _look(cancelled)
        asked = replace(
            settings,
            shots=1,
            memory=False,
            density_matrix=False if settings.statevector else tuple(places),
        )
        found = run_plan(part.plan, streams.of_part(index, part.stream), asked, cancelled)
        state = np.kron(found[name], state)
        qubits += [part.qubits[place] for place in places]
    if settings.statevector:
        return {name: expand(state, qubits, plan.num_qubits)}
    return {name: _arrange(state, qubits, wanted)}


def _find_wanted(plan: ProductPlan, wanted: Wanted) -> Sequence[int]:
    return range(plan.num_qubits) if isinstance(wanted, bool) else wanted


def _arrange(matrix: Matrix, qubits: Sequence[int], wanted: Sequence[int]) -> Matrix:
    """Return a density matrix over the wanted qubits, of which those that it lacks are in 0.

    Args:
        matrix: Shape (2**k, 2**k), over the k qubits.
        qubits: Its qubits, the least significant one first; all of them are wanted.
        wanted: The order of the qubits in the result.
    """
    order = list(wanted)
    places = np.zeros(len(matrix), dtype=np.int64)
    for place, qubit in enumerate(qubits):
        places |= (np.arange(len(matrix)) >> place & 1) << order.index(qubit)
    arranged = np.zeros((1 << len(order),) * 2, dtype=complex)
    arranged[np.ix_(places, places)] = matrix
    return arranged


# -- expectation values ---------------------------------------------------------------------------


class ProductEstimator:
    """Expectation values in the final states of circuits that are products.

    The mean of a Pauli string is the product of those of its parts.

    Args:
        settings: What all circuits have in common; it has observables.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.observables is not None  # noqa: S101 - the caller has looked
        self._settings = settings
        self._terms = settings.observables.terms
        self._labels = list({label: None for terms in self._terms for label in terms})
        self._known: dict[tuple[int, ...], tuple[NDArray[np.int64], Settings, Any]] = {}

    def values(self, plan: ProductPlan, cancelled: Flag | None = None) -> NDArray[np.float64]:
        """Return the expectation value of each observable, shape (observables,).

        Raises:
            Cancelled: If the flag was set.
        """
        active = {qubit for part in plan.parts for qubit in part.qubits}
        means = np.array([_idle_mean(label, active) for label in self._labels])
        for part in plan.parts:
            if part.qubits:
                _look(cancelled)
                places, asked, cache = self._restrict(part)
                means *= estimate(part.plan, asked, cache, cancelled)[places]
        mean = dict(zip(self._labels, means.tolist(), strict=True))
        return np.array(
            [sum(c * mean[label] for label, c in terms.items()) for terms in self._terms]
        )

    def _restrict(self, part: Part) -> tuple[NDArray[np.int64], Settings, Any]:
        """Return which string of a part each string has, the settings for these, and a cache."""
        found = self._known.get(part.qubits)
        if found is None:
            letters = [-1 - qubit for qubit in reversed(part.qubits)]
            local = ["".join([label[at] for at in letters]) for label in self._labels]
            places = {label: place for place, label in enumerate(dict.fromkeys(local))}
            observables = Observables(tuple({label: 1.0} for label in places))
            found = (
                np.array([places[label] for label in local]),
                replace(self._settings, observables=observables),
                {},
            )
            self._known[part.qubits] = found
        return found


def _idle_mean(label: str, active: set[int]) -> float:
    """Return the mean of the letters on qubits that nothing acts on: those are in 0."""
    letters = enumerate(reversed(label))
    return 0.0 if any(letter in "XY" and qubit not in active for qubit, letter in letters) else 1.0
