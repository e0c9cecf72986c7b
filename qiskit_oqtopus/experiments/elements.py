"""Which qubits and couplings of a device are measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qiskit.providers import BackendV2

from ..device.selection import good_couplings, good_qubits
from ..exceptions import OqtopusOptionError, OqtopusWarning, users_stacklevel
from .grouping import Coupling, choose_directions


def choose_qubits(backend: BackendV2, qubits: Any, limits: Mapping[str, float | None]) -> list[int]:
    """Return the qubits that are asked for.

    Args:
        backend: The device.
        qubits: "good", "all" or a list.
        limits: Those of :func:`.device.selection.good_couplings`.

    Raises:
        OqtopusOptionError: If a qubit has no operations, or the option cannot be read.
    """
    target = backend.target
    if isinstance(qubits, str) and qubits == "good":
        return good_qubits(target, **{k: v for k, v in limits.items() if k != "max_error"})
    operable = [
        qubit
        for qubit in range(target.num_qubits)
        if target.instruction_supported("measure", (qubit,))
    ]
    if isinstance(qubits, str):
        if qubits != "all":
            raise OqtopusOptionError(
                f"Option 'qubits' must be 'good', 'all' or a list of qubits, not {qubits!r}."
            )
        _check_none_left_out(backend, operable)
        return operable
    chosen = _check_places("qubits", [(qubit,) for qubit in qubits])
    unknown = [place[0] for place in chosen if place[0] not in operable]
    if unknown:
        raise OqtopusOptionError(
            f"{backend.name} has no qubit {unknown[0]} that could be measured. If its calibration "
            "is unknown, get the backend with include_uncalibrated=True."
        )
    return [place[0] for place in chosen]


def _check_none_left_out(backend: BackendV2, operable: Sequence[int]) -> None:
    left = sorted(set(range(backend.target.num_qubits)) - set(operable))
    if left:
        raise OqtopusOptionError(
            f"All qubits are asked for, but {backend.name} has no operations on qubit "
            f"{', '.join(map(str, left[:10]))}{' ...' if len(left) > 10 else ''}. Get the backend "
            "with include_uncalibrated=True, or take qubits='good' or a list."
        )


def choose_couplings(
    backend: BackendV2,
    couplings: Any,
    limits: Mapping[str, float | None],
    qubits: Any,
    places: Sequence[int],
) -> list[Coupling]:
    """Return the couplings that are asked for, each in the direction of the smaller error.

    Args:
        backend: The device.
        couplings: "good", "all" or a list of pairs.
        limits: Those of :func:`.device.selection.good_couplings`.
        qubits: What was asked for as qubits. If that is a list, "good" and "all" couplings are
            those between them.
        places: The qubits that this gives.

    Raises:
        OqtopusOptionError: If there is no cx on a coupling, or the option cannot be read.

    Warns:
        OqtopusWarning: If the device has no cx at all.
    """
    target = backend.target
    table = target["cx"] if "cx" in target.operation_names else {}
    native = {pair: properties for pair, properties in (table or {}).items() if pair is not None}
    if not native and isinstance(couplings, str):
        warnings.warn(
            f"{backend.name} has no cx, so that no coupling is measured.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )
        return []
    if isinstance(couplings, str):
        if couplings == "good":
            # The warnings are those of the qubits, which have been given.
            with warnings.catch_warnings():
                if isinstance(qubits, str) and qubits == "good":
                    warnings.simplefilter("ignore", OqtopusWarning)
                chosen: Iterable[Any] = good_couplings(target, **limits)
        elif couplings == "all":
            chosen = native
        else:
            raise OqtopusOptionError(
                f"Option 'couplings' must be 'good', 'all' or a list of pairs, not {couplings!r}."
            )
        # Whoever names qubits does not ask for couplings of others.
        within = set(places) if not isinstance(qubits, str) else set(range(target.num_qubits))
        pairs = sorted(pair for pair in chosen if pair in native and within.issuperset(pair))
    else:
        pairs = []
        for one, other in _check_places("couplings", couplings, 2):
            directions = [pair for pair in ((one, other), (other, one)) if pair in native]
            if not directions:
                raise OqtopusOptionError(
                    f"{backend.name} has no cx between qubits {one} and {other}. If its "
                    "calibration is unknown, get the backend with include_uncalibrated=True."
                )
            pairs += directions
    errors = {pair: getattr(properties, "error", None) for pair, properties in native.items()}
    return choose_directions(dict.fromkeys(pairs), errors)


def _check_places(name: str, places: Any, width: int = 1) -> list[tuple[int, ...]]:
    try:
        found = [tuple(int(qubit) for qubit in place) for place in places]
    except (TypeError, ValueError) as error:
        raise OqtopusOptionError(f"Option {name!r} cannot be read: {error}.") from error
    wrong = [place for place in found if len(place) != width]
    if wrong or len(set(found)) < len(found):
        raise OqtopusOptionError(
            f"Option {name!r} must have different "
            f"{'qubits' if width == 1 else 'pairs of qubits'}, not {found!r:.80}."
        )
    return found
