"""The map of a chip: its qubits and couplings, coloured by what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import OqtopusOptionError
from .chip import Pair, read_chip
from .pyplot import import_pyplot
from .quantities import Quantity, find_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Column = str | Mapping[Any, float]
"""The name of a column, or values by qubit or coupling (a pandas Series has them, too)."""

_RADIUS = 0.36
_UNKNOWN = "#9aa0a6"
"""Gray that is seen on white and on black."""

_MAP = "viridis"
"""Read alike with and without colour vision, and never gray, which is what is not known."""

_DARKEST = 0.12
"""The part of the colour map that is as dark as a dark page."""

_POINTS_PER_INCH = 72


def draw_device(
    device: Any,
    qubits: Column | None = None,
    couplings: Column | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a chip: qubits where they are, coloured by one quantity, couplings by another.

    Bright colours are good values: long lifetimes, small errors. What has no value is gray; a qubit
    that cannot be used has a dashed edge. Text takes the colours of matplotlib's style, light or
    dark.

    Args:
        device: A DeviceSnapshot; a backend or whatever else has ``snapshot()``; or any backend with
            a Target, whose qubits are then laid out by their couplings.
        qubits: What colours the qubits: a column of the calibration ("t1", "t2", "gate_error",
            "readout_error", "fidelity", "prob_meas1_prep0", "prob_meas0_prep1", "duration_sx"); or
            values by qubit number or element ("Q3"), such as a column of ``wide_table``. None takes
            the readout error, if it is known.
        couplings: What colours the couplings: "error", "fidelity", "duration_cx"; or values by pair
            of qubits or element ("Q3-Q4"). None takes the error, if it is known.
        ax: Where to draw; None makes a figure of its own.

    Returns:
        The axes; ``ax.figure`` is the figure.

    Raises:
        OqtopusOptionError: If the device cannot be drawn, or has no such column.
        ModuleNotFoundError: If matplotlib is not installed.
    """
    plt = import_pyplot()
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    chip = read_chip(device)
    qubit_values, qubit_quantity = _find_column(
        chip.qubit_columns, qubits, "readout_error", "qubits", _to_qubit
    )
    coupling_values, coupling_quantity = _find_column(
        chip.coupling_columns, couplings, "error", "couplings", _to_pair
    )
    xs, ys = zip(*chip.places.values(), strict=True)
    width, height = max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
    if ax is None:
        scale = min(0.75, 11 / max(width, height))
        size = (max(4.6, width * scale + 1.8), max(2.8, height * scale + 0.8))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    ink = plt.rcParams["text.color"]

    lines = LineCollection(
        [[chip.places[a], chip.places[b]] for a, b in chip.couplings],
        linewidths=_line_width(ax, width),
        zorder=1,
    )
    _paint(
        lines,
        [coupling_values.get(pair) for pair in chip.couplings],
        coupling_quantity,
        lines.set_color,
        ax,
    )
    ax.add_collection(lines)
    order = sorted(chip.places)
    discs = PatchCollection([Circle(chip.places[i], _RADIUS) for i in order], zorder=2)
    discs.set_linewidth(1.0)
    discs.set_edgecolor([ink if i in chip.left_out else (0, 0, 0, 0) for i in order])
    discs.set_linestyle(["--" if i in chip.left_out else "-" for i in order])
    colours = _paint(
        discs, [qubit_values.get(i) for i in order], qubit_quantity, discs.set_facecolor, ax
    )
    ax.add_collection(discs)
    font = min(9.0, max(3.5, _units_in_points(ax, width) * _RADIUS * 0.8))
    for i, colour in zip(order, colours, strict=True):
        x, y = chip.places[i]
        ax.text(
            x,
            y,
            str(i),
            ha="center",
            va="center_baseline",
            fontsize=font,
            color=_ink_on(colour),
            zorder=3,
        )
    ax.set_xlim(min(xs) - 0.6, max(xs) + 0.6)
    ax.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    ax.set_aspect("equal")
    ax.set_axis_off()
    # A name from the network is no formula.
    ax.set_title(chip.title.replace("$", r"\$"), fontsize="medium", color=ink)
    return ax


# -- values ---------------------------------------------------------------------------------------


def _find_column(
    columns: Mapping[str, Mapping[Any, float]],
    wanted: Column | None,
    default: str,
    what: str,
    to_place: Callable[[Any], Hashable],
) -> tuple[dict[Any, float], Quantity]:
    """Return finite values by place, and how they are written."""
    name = default if wanted is None else wanted
    if isinstance(name, str):
        if wanted is not None and name not in columns:
            known = ", ".join(sorted(columns)) or "nothing"
            raise OqtopusOptionError(
                f"{what}={name!r}: the device states no such quantity of its {what}; it states "
                f"{known}."
            )
        values: Mapping[Any, float] = columns.get(name, {})
        quantity = find_quantity(name)
    else:
        items = getattr(name, "items", None)
        if not callable(items):
            raise OqtopusOptionError(
                f"{what}={name!r:.80}: give the name of a column, or values by element."
            )
        values = {to_place(place): value for place, value in items()}
        quantity = find_quantity(str(getattr(name, "name", None) or ""))
    finite = {
        place: float(value)
        for place, value in values.items()
        if value is not None and math.isfinite(value)
    }
    return finite, quantity


def _to_qubit(place: Any) -> int | None:
    """Return a qubit from its number or its element; None for what is no qubit.

    >>> _to_qubit("Q3"), _to_qubit(3), _to_qubit("Q3-Q4")
    (3, 3, None)
    """
    text = str(place).removeprefix("Q")
    return int(text) if text.isdecimal() else None


def _to_pair(place: Any) -> Pair | None:
    """Return a coupling from its qubits or its element; None for what is no coupling.

    >>> _to_pair("Q4-Q3"), _to_pair((3, 4)), _to_pair("Q3")
    ((3, 4), (3, 4), None)
    """
    ends = place.split("-") if isinstance(place, str) else place
    if not isinstance(ends, (list, tuple)) or len(ends) != 2:
        return None
    a, b = map(_to_qubit, ends)
    return None if a is None or b is None else (min(a, b), max(a, b))


# -- colours --------------------------------------------------------------------------------------


def _paint(
    collection: Any,
    values: list[float | None],
    quantity: Quantity,
    set_colour: Callable[[Any], None],
    ax: Axes,
) -> list[Any]:
    """Colour a collection by values, those without a value gray, with a bar beside the axes."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, to_rgba

    shown = [value * quantity.factor for value in values if value is not None]
    if not shown:
        colours = [to_rgba(_UNKNOWN)] * len(values)
        set_colour(colours or _UNKNOWN)
        return colours
    low, high = min(shown), max(shown)
    margin = (high - low) or abs(high) * 0.1 or 1.0
    norm = Normalize(low, high) if high > low else Normalize(low - margin, high + margin)
    name = f"{_MAP}_r" if quantity.is_better_small else _MAP
    mapped: Any = ScalarMappable(norm, _shorten(colormaps[name], quantity.is_better_small))
    colours = [
        to_rgba(_UNKNOWN) if value is None else mapped.to_rgba(value * quantity.factor)
        for value in values
    ]
    set_colour(colours)
    bar = ax.figure.colorbar(mapped, ax=ax, shrink=0.8, pad=0.02, aspect=30)
    bar.set_label(quantity.label, fontsize="small")
    bar.ax.tick_params(labelsize="x-small")
    return colours


def _shorten(whole: Any, is_dark_last: bool) -> Any:
    """Return a colour map without its darkest colours, which are lost on black."""
    from matplotlib.colors import ListedColormap

    start, stop = (0, 1 - _DARKEST) if is_dark_last else (_DARKEST, 1)
    return ListedColormap(whole(np.linspace(start, stop, 256)))


def _ink_on(colour: Any) -> str:
    """Return black or white, whichever is read better on a colour (ITU-R BT.709 luma)."""
    red, green, blue = colour[:3]
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white"


def _units_in_points(ax: Any, width: float) -> float:
    """Return about how many points one unit of the drawing takes."""
    box = ax.get_position()
    inches = ax.figure.get_size_inches()[0] * box.width
    return float(inches * _POINTS_PER_INCH / (width + 0.2))


def _line_width(ax: Axes, width: float) -> float:
    return min(5.0, max(0.8, 0.13 * _units_in_points(ax, width)))
