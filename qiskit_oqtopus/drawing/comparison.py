"""What was measured on a device beside what its calibration states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import OqtopusOptionError
from .pyplot import import_pyplot
from .quantities import find_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

FOUND, STATED = "#0072b2", "#d55e00"
"""Blue and vermilion of Okabe and Ito (2008), which people without red or green see as two."""

_INCHES_PER_ELEMENT = 0.16


def plot_comparison(table: DataFrame, quantity: str, *, ax: Axes | None = None) -> Axes:
    """Plot a quantity of all elements as it was found, with error bars, beside the stated one.

    Args:
        table: A table of :meth:`.Characterization.table`.
        quantity: A value of its column ``quantity``: "T1", "T2", "readout 0->1", "EPC", ...
        ax: Where to draw; None makes a figure of its own.

    Returns:
        The axes. Elements whose fit is bad are crosses; those without a value have no point.

    Raises:
        OqtopusOptionError: If the table has no such quantity.
        ModuleNotFoundError: If matplotlib is not installed.
    """
    rows = table[table["quantity"] == quantity]
    if not len(rows):
        known = ", ".join(dict.fromkeys(map(str, table["quantity"])))
        raise OqtopusOptionError(
            f"The table has no quantity {quantity!r}; it has: {known or 'no rows'}."
        )
    plt = import_pyplot()
    shown = find_quantity(quantity, unit=str(rows["unit"].iloc[0] or ""))
    places = np.arange(len(rows))
    value, stderr, stated = [
        rows[name].to_numpy(dtype=float, na_value=np.nan) * shown.factor
        for name in ("value", "stderr", "stated")
    ]
    good = (rows["quality"] == "good").to_numpy()
    if ax is None:
        width = min(24.0, max(5.0, 1.5 + _INCHES_PER_ELEMENT * len(rows)))
        _, ax = plt.subplots(figsize=(width, 3.4), layout="constrained")
    ax.plot(places, stated, "_", color=STATED, markersize=9, markeredgewidth=2, label="stated")
    for chosen, marker, label in ((good, "o", "found"), (~good, "x", "found, bad fit")):
        if np.isfinite(value[chosen]).any():
            ax.errorbar(
                places[chosen],
                value[chosen],
                yerr=np.nan_to_num(stderr[chosen]),
                fmt=marker,
                color=FOUND,
                markersize=4,
                elinewidth=1,
                capsize=2,
                label=label,
            )
    small = len(rows) > 20
    ax.set_xticks(places, rows["element"], rotation=90 if small else 0, fontsize="x-small")
    ax.set_xlim(-0.7, len(rows) - 0.3)
    ax.set_ylabel(shown.label)
    ax.grid(axis="y", alpha=0.25)
    ax.legend(fontsize="small", frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    name = table.attrs.get("device")
    if name:
        ax.set_title(str(name).replace("$", r"\$"), fontsize="medium", loc="left")
    return ax
