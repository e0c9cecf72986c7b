"""Figures for light and for dark pages: without a ground, and with ink that is seen on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INK = "#d6d6d6"
"""What is black on a light page is this on a dark one."""


def save_both(figure: Any, folder: Path, stem: str) -> list[str]:
    """Save a figure of matplotlib as two SVG files.

    Returns:
        Their names: the one for light pages, and the one for dark ones.
    """
    names = []
    for theme in ("light", "dark"):
        if theme == "dark":
            _lighten(figure)
        name = f"{stem}-{theme}.svg"
        figure.savefig(
            folder / name, bbox_inches="tight", transparent=True, metadata={"Date": None}
        )
        names.append(name)
    return names


def _lighten(figure: Any) -> None:
    """Give the ink of a figure the colour that is seen on a dark page."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.text import Text

    kept = _find_labels(figure)
    for axes in figure.axes:
        for line in (*axes.get_xgridlines(), *axes.get_ygridlines()):
            line.set_alpha(0.3)
    for artist in figure.findobj():
        if isinstance(artist, Text):
            box = artist.get_bbox_patch()
            if box is not None:
                box.set(facecolor="none", edgecolor=INK)
            if artist not in kept and _is_dark(artist.get_color()):
                artist.set_color(INK)
        elif isinstance(artist, Line2D):
            for name in ("color", "markeredgecolor", "markerfacecolor"):
                if _is_dark(getattr(artist, f"get_{name}")()):
                    getattr(artist, f"set_{name}")(INK)
        elif isinstance(artist, Patch):
            if _is_dark(artist.get_edgecolor()):
                artist.set_edgecolor(INK)
            if _is_white(artist.get_facecolor()):
                if _is_white(artist.get_edgecolor()):  # it hides what is beneath it
                    artist.set_edgecolor("none")
                artist.set_facecolor("none")
        elif isinstance(artist, Collection):
            colours = artist.get_edgecolor()
            if len(colours) and all(map(_is_dark, colours)):
                artist.set_edgecolor(INK)


def _find_labels(figure: Any) -> set[Any]:
    """Return texts that stand on a colour of their own, as the numbers of qubits do."""
    from matplotlib.collections import PatchCollection

    figure.canvas.draw()
    kept = set()
    for axes in (axes for axes in figure.axes if not axes.axison):
        grounds = [
            (patch.get_path(), patch.get_transform())
            for patch in axes.patches
            if _is_coloured(patch.get_facecolor())
        ]
        for drawn in axes.collections:
            if isinstance(drawn, PatchCollection):
                grounds += [(path, drawn.get_transform()) for path in drawn.get_paths()]
        for text in axes.texts:
            place = text.get_transform().transform(text.get_position())
            if any(path.contains_point(place, transform) for path, transform in grounds):
                kept.add(text)
    return kept


def _rgba(colour: Any) -> tuple[float, float, float, float] | None:
    from matplotlib.colors import to_rgba

    try:
        return to_rgba(colour)
    except (TypeError, ValueError):  # "none", "auto", or several
        return None


def _is_dark(colour: Any) -> bool:
    rgba = _rgba(colour)
    return rgba is not None and rgba[3] > 0 and max(rgba[:3]) < 0.4


def _is_coloured(colour: Any) -> bool:
    rgba = _rgba(colour)
    return rgba is not None and rgba[3] > 0 and min(rgba[:3]) <= 0.97


def _is_white(colour: Any) -> bool:
    rgba = _rgba(colour)
    return rgba is not None and min(rgba[:3]) > 0.97
