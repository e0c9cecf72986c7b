"""The figure of docs/performance.md: the time over qubits, gates, circuits and shots."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from .peers import PEERS, TITLES
from .results import Result

COLORS = {
    "ours": "#0072B2",
    "raw": "#E69F00",
    "aer": "#D55E00",
    "basic": "#009E73",
    "sampler": "#CC79A7",
    "qiskit-qulacs": "#999999",
}
"""Colors that can also be told apart by people with red-green color blindness."""

INK = "#7d7d7d"
"""Of words and axes: it is read on light and on dark pages, and the figure has no ground."""

DPI = 90
"""Resolution in dots per inch."""

PALETTE = 64
"""Number of colors: a file that stays in git has to be small."""

MARKERS = {
    "ours": "o", "raw": "x", "aer": "s", "basic": "^", "sampler": "D", "qiskit-qulacs": "v",
}  # fmt: skip


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the figure: a panel for each curve, medians with bands between the quartiles."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    names = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor")
    plt.rcParams.update(dict.fromkeys([*names, "xtick.color", "ytick.color"], INK))
    curves = [(result.title, result.curve) for result in results if result.curve is not None]
    figure, axes = plt.subplots(2, 2, figsize=(9.6, 7.4), layout="constrained", squeeze=False)
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    shown = {}
    for axis, (title, curve) in zip(axes.flat, curves, strict=False):
        for name in (name for name in PEERS if name in curve.seconds):
            spreads = curve.seconds[name]
            values = curve.values[: len(spreads)]
            lower = [spread.lower for spread in spreads]
            upper = [spread.upper for spread in spreads]
            look = {"color": COLORS[name], "zorder": 3 if name == "ours" else 2}
            axis.fill_between(values, lower, upper, alpha=0.25, linewidth=0, **look)
            (shown[TITLES[name]],) = axis.plot(
                values,
                [spread.median for spread in spreads],
                marker=MARKERS[name],
                markersize=4,
                linewidth=2 if name == "ours" else 1.2,
                **look,
            )
        axis.set_yscale("log")
        if curve.label == "qubits":
            # Each further qubit doubles the state: the axis is one of logarithms already.
            axis.set_xticks(curve.values)
        else:
            axis.set_xscale("log")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(curve.label)
        axis.set_ylabel("time of a run in s")
        axis.grid(True, which="major", alpha=0.3)
    figure.legend(
        shown.values(),
        shown.keys(),
        loc="outside upper center",
        ncols=len(shown),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
    )
    path.parent.mkdir(exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, transparent=True)
    image = Image.open(drawn).convert("RGBA").quantize(PALETTE, method=Image.Quantize.FASTOCTREE)
    image.save(path, optimize=True)
    plt.close(figure)
