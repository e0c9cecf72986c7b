"""Which qubits and couplings are measured at the same time (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import rustworkx

Coupling = tuple[int, int]
"""Control and target."""

ALIKE = 1.02
"""How much longer the longest of some durations may be than the shortest: the largest error that
measuring together may have on the time of an experiment."""

Element = TypeVar("Element")


def group_qubits(
    qubits: Sequence[int], edges: Iterable[Coupling], separation: int
) -> list[list[int]]:
    """Return groups of qubits that are far enough from each other.

    Args:
        qubits: The qubits.
        edges: All couplings of the device.
        separation: Any two qubits of a group are more than this many couplings apart.
    """
    near = _find_near(edges, separation)
    return _color(qubits, lambda one, other: other in near.get(one, ()))


def group_couplings(
    couplings: Sequence[Coupling], edges: Iterable[Coupling], separation: int
) -> list[list[Coupling]]:
    """Return groups of couplings that share no qubit and are far enough from each other.

    Args:
        couplings: The couplings, each in one direction.
        edges: All couplings of the device.
        separation: Any two qubits of different couplings of a group are more than this many
            couplings apart.
    """
    near = _find_near(edges, separation)

    def conflicts(one: Coupling, other: Coupling) -> bool:
        return any(a == b or b in near.get(a, ()) for a in one for b in other)

    return _color(couplings, conflicts)


def _find_near(edges: Iterable[Coupling], separation: int) -> Mapping[int, Collection[int]]:
    """Return the qubits that are at most some couplings away, by qubit."""
    neighbours: dict[int, set[int]] = {}
    for one, other in edges:
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    near = {}
    for qubit in neighbours:
        reached = {qubit}
        for _ in range(separation):
            reached |= {other for one in reached for other in neighbours[one]}
        near[qubit] = reached - {qubit}
    return near


def _color(
    elements: Sequence[Element], conflict: Callable[[Element, Element], bool]
) -> list[list[Element]]:
    graph: rustworkx.PyGraph[Element, None] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(elements)
    graph.add_edges_from_no_data(
        [
            (first, second)
            for first, one in enumerate(elements)
            for second, other in enumerate(elements[:first])
            if conflict(one, other)
        ]
    )
    colors = rustworkx.graph_greedy_color(graph, strategy=rustworkx.ColoringStrategy.Saturation)
    groups: dict[int, list[Element]] = {}
    for node, element in enumerate(elements):
        groups.setdefault(colors[node], []).append(element)
    return [groups[color] for color in sorted(groups)]


def choose_directions(
    couplings: Iterable[Coupling], errors: Mapping[Coupling, float | None]
) -> list[Coupling]:
    """Return couplings that are listed in both directions once, in that of the smaller error.

    Args:
        couplings: The couplings, sorted.
        errors: Errors of their gates. One that is not known is larger than any that is.

    >>> choose_directions([(0, 1), (1, 0), (1, 2)], {(0, 1): 0.02, (1, 0): 0.01})
    [(1, 0), (1, 2)]
    """
    best: dict[frozenset[int], Coupling] = {}
    for pair in couplings:
        known = best.setdefault(frozenset(pair), pair)
        if _rank(errors.get(pair)) < _rank(errors.get(known)):
            best[frozenset(pair)] = pair
    return list(best.values())


def _rank(error: float | None) -> float:
    return float("inf") if error is None else error


def sort_by_duration(
    elements: Sequence[Element], durations: Mapping[Element, float]
) -> list[list[Element]]:
    """Return lists of elements whose gates take the same time, so that they can be in step.

    Args:
        elements: The elements.
        durations: How long a gate of each takes in s, 0 where that is not known.

    >>> sort_by_duration([0, 1, 2], {0: 1.6e-8, 1: 2.4e-8, 2: 1.61e-8})
    [[0, 2], [1]]
    """
    found: list[list[Element]] = []
    shortest = 0.0
    for element in sorted(elements, key=durations.__getitem__):
        if not found or durations[element] > shortest * ALIKE:
            found.append([])
            shortest = durations[element]
        found[-1].append(element)
    places = {element: place for place, element in enumerate(elements)}
    return [sorted(alike, key=places.__getitem__) for alike in found]


def split(
    group: Sequence[Element], gates: Mapping[Element, int], max_gates: int
) -> list[list[Element]]:
    """Return a group as several ones of about the same size, which are not too much at once.

    Args:
        group: The group.
        gates: Gates of the longest circuit of each element.
        max_gates: Gates of all of a group together, at most; one element is always a group.

    >>> split([0, 1, 2, 3, 4], dict.fromkeys(range(5), 30), 100)
    [[0, 2, 4], [1, 3]]
    """
    number = -(-sum(gates[element] for element in group) // max_gates)
    while True:
        # Dealt out like cards.
        parts = [list(group[place::number]) for place in range(min(number, len(group)))]
        if all(
            len(part) == 1 or sum(gates[element] for element in part) <= max_gates for part in parts
        ):
            return parts
        number += 1
