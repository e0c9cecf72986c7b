"""How a quantity went from night to night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import OqtopusOptionError
from .pyplot import import_pyplot
from .quantities import find_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Those of Okabe and Ito (2008) that are told apart on white and on black."""

_SHOWN = 10


def plot_history(
    history: DataFrame,
    quantity: str,
    qubits: Iterable[int | Sequence[int]] | None = None,
    *,
    device: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot how a quantity of some qubits or couplings went from night to night.

    Args:
        history: A table of :func:`~qiskit_oqtopus.experiments.load_history`.
        quantity: A value of its column ``quantity``: "T1", "T2", "readout 0->1", "EPC", ...
        qubits: Qubits, or couplings as pairs of qubits; None for all that have the quantity.
        device: The device; None if the history has only one.
        ax: Where to draw; None makes a figure of its own.

    Returns:
        The axes. What was measured are points with error bars, joined by lines, and crosses where
        the fit is bad; what was stated are dashed steps, each from its calibration to the
        next, and the last one to the end.

    Raises:
        OqtopusOptionError: If the history has no such quantity, qubit or device, or several
            devices to choose from.
        ModuleNotFoundError: If matplotlib is not installed.
    """
    rows = _choose(history, "device", device)
    rows = _choose(rows, "quantity", quantity)
    rows = rows[rows["value"].notna() & rows["time"].notna()]
    known = list(dict.fromkeys(map(str, rows["element"])))
    elements = known if qubits is None else [_name(each) for each in qubits]
    missing = [element for element in elements if element not in known]
    if missing or not elements:
        shown = ", ".join(known[:_SHOWN]) + (" ..." if len(known) > _SHOWN else "")
        raise OqtopusOptionError(
            f"The history has no {quantity} of {missing[0] if missing else 'anything'}; it has "
            f"that of: {shown or 'nothing'}."
        )
    plt = import_pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
    chosen = rows[rows["element"].isin(elements)]
    end = chosen["time"].max()
    shown_as = find_quantity(quantity, unit=str(rows["unit"].iloc[0] or ""))
    for number, element in enumerate(elements):
        own = rows[rows["element"] == element]
        color = COLORS[number % len(COLORS)]
        _draw_measured(ax, own[own["source"] == "measured"], shown_as.factor, color, element)
        _draw_stated(ax, own[own["source"] == "calibrated"], shown_as.factor, color, end)
    ax.set_ylabel(shown_as.label)
    ax.set_xlabel("UTC")
    _format_times(ax)
    ax.grid(axis="y", alpha=0.25)
    _add_legend(ax, elements, set(chosen["source"]))
    ax.set_title(str(rows["device"].iloc[0]).replace("$", r"\$"), fontsize="medium", loc="left")
    return ax


def _choose(rows: DataFrame, column: str, value: str | None) -> DataFrame:
    known = list(dict.fromkeys(map(str, rows[column])))
    if value is None and len(known) > 1:
        raise OqtopusOptionError(f"The history has several devices: {', '.join(known)}. Name one.")
    if value is not None and value not in known:
        raise OqtopusOptionError(
            f"The history has no {column} {value!r}; it has: {', '.join(known) or 'no rows'}."
        )
    return rows if value is None else rows[rows[column] == value]


def _name(place: Any) -> str:
    """Return how a history calls a qubit or a coupling.

    >>> _name(3), _name((3, 4)), _name("Q5")
    ('Q3', 'Q3-Q4', 'Q5')
    """
    if isinstance(place, str):
        return place
    qubits = [int(qubit) for qubit in place] if isinstance(place, (list, tuple)) else [int(place)]
    return "-".join(f"Q{qubit}" for qubit in qubits)


def _draw_measured(ax: Axes, rows: DataFrame, factor: float, color: str, element: str) -> None:
    times = rows["time"].dt.tz_localize(None).to_numpy()
    values, errors = (rows[name].to_numpy(dtype=float) * factor for name in ("value", "stderr"))
    good = (rows["quality"] == "good").to_numpy()
    if good.any():
        ax.errorbar(
            times[good],
            values[good],
            yerr=[error if error > 0 else 0.0 for error in errors[good]],
            fmt="o-",
            color=color,
            markersize=4,
            linewidth=1,
            capsize=2,
            label=element,
        )
    if not good.all():
        ax.plot(times[~good], values[~good], "x", color=color, markersize=5)


def _draw_stated(ax: Axes, rows: DataFrame, factor: float, color: str, end: Any) -> None:
    """Draw what was stated; the last calibration holds until the end."""
    if len(rows):
        values = rows["value"].to_numpy(dtype=float) * factor
        ax.plot(
            [*rows["time"].dt.tz_localize(None), end.tz_localize(None)],
            [*values, values[-1]],
            drawstyle="steps-post",
            linestyle="--",
            linewidth=1.2,
            color=color,
            alpha=0.8,
        )


def _format_times(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _add_legend(ax: Axes, elements: Sequence[str], sources: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLORS[number % len(COLORS)], marker="o", markersize=4, label=element)
        for number, element in enumerate(elements[:_SHOWN])
    ]
    if "calibrated" in sources:
        handles.append(Line2D([], [], color="0.5", linestyle="--", label="stated"))
    ax.legend(
        handles=handles,
        fontsize="small",
        frameon=False,
        ncols=min(6, len(handles)),
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
