"""What notebooks show of an object: a title, facts, and the map of a chip, as static HTML.

It needs nothing to be loaded, takes its colours from the page around it, light or dark, and escapes
all words, since they come from the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .chip import ChipMap, Pair, read_chip
from .quantities import find_quantity

_VIRIDIS = (
    *((72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137)),
    *((53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37)),
)
"""Nine colours of matplotlib's viridis, from its darkest that is seen on black, in equal steps."""

_UNKNOWN = "#9aa0a6"
_RADIUS, _MARGIN, _UNIT = 0.36, 0.6, 26
"""Of a qubit, and around all of them, in units of the chip; pixels of one unit."""

_WIDEST = 640
"""Width of a map in pixels at most."""

_MOST_QUBITS = 400
"""A map of more qubits would be a large part of a notebook."""


def build_card(title: str, facts: Mapping[str, Any], *, device: Any = None) -> str:
    """Return the HTML of an object.

    Args:
        title: What it is.
        facts: What is to be known of it; a fact that is None is left out.
        device: What :func:`.chip.read_chip` reads, or None for no map.

    Returns:
        One element.
    """
    rows = "".join(
        f'<tr><th style="text-align:left;padding:0 1em 0 0;font-weight:normal;opacity:.7">'
        f'{escape(name)}</th><td style="text-align:left">{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if value is not None
    )
    drawn = "" if device is None else draw_svg(device)
    return (
        '<div style="color:inherit"><div style="font-weight:600;margin-bottom:.3em">'
        f"{escape(title)}</div>"
        f'<table style="border-collapse:collapse;background:none;color:inherit">{rows}</table>'
        f"{drawn}</div>"
    )


def build_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an HTML table."""
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:left">{"" if cell is None else escape(str(cell))}</td>'
            for cell in row
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table style="color:inherit"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def draw_svg(device: Any, qubits: str = "readout_error", couplings: str = "error") -> str:
    """Return the map of a chip as SVG, or "" if there is nothing to be drawn.

    Args:
        device: What :func:`.chip.read_chip` reads.
        qubits: The column that colours the qubits.
        couplings: The column that colours the couplings.
    """
    chip = read_chip(device)
    if not chip.places or len(chip.places) > _MOST_QUBITS:
        return ""
    return _Map(chip, qubits, couplings).draw()


class _Map:
    """The map of one chip."""

    def __init__(self, chip: ChipMap, qubits: str, couplings: str) -> None:
        self._chip = chip
        self._names = qubits, couplings
        self._qubits = _colour(chip.qubit_columns.get(qubits, {}), qubits)
        self._couplings = _colour(chip.coupling_columns.get(couplings, {}), couplings)
        xs, ys = zip(*chip.places.values(), strict=True)
        self._left, self._top = min(xs) - _MARGIN, max(ys) + _MARGIN
        self._width = max(xs) - min(xs) + 2 * _MARGIN
        self._height = max(ys) - min(ys) + 2 * _MARGIN

    def draw(self) -> str:
        """Return the SVG."""
        lines = "".join(self._draw_coupling(pair) for pair in self._chip.couplings)
        discs = "".join(self._draw_qubit(qubit) for qubit in sorted(self._chip.places))
        pixels = min(_WIDEST, math.ceil(self._width * _UNIT))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" '
            f'viewBox="0 0 {self._width:.3f} {self._height:.3f}" '
            'style="display:block;max-width:100%;height:auto;margin-top:.5em" role="img" '
            f'aria-label="{escape(self._chip.title)}" font-family="sans-serif">'
            f"{lines}{discs}</svg>{self._describe()}"
        )

    def _place(self, qubit: int) -> tuple[float, float]:
        x, y = self._chip.places[qubit]
        return x - self._left, self._top - y

    def _draw_coupling(self, pair: Pair) -> str:
        (x1, y1), (x2, y2) = map(self._place, pair)
        colour = self._couplings.get(pair, _UNKNOWN)
        value = self._chip.coupling_columns.get(self._names[1], {}).get(pair)
        return (
            f'<line x1="{x1:.3f}" y1="{y1:.3f}" x2="{x2:.3f}" y2="{y2:.3f}" stroke="{colour}" '
            f'stroke-width="0.14"><title>{_show(f"Q{pair[0]}-Q{pair[1]}", value, self._names[1])}'
            "</title></line>"
        )

    def _draw_qubit(self, qubit: int) -> str:
        x, y = self._place(qubit)
        colour = self._qubits.get(qubit, _UNKNOWN)
        edge = (
            ' stroke="currentColor" stroke-width="0.04" stroke-dasharray="0.1"'
            if qubit in self._chip.left_out
            else ""
        )
        value = self._chip.qubit_columns.get(self._names[0], {}).get(qubit)
        return (
            f"<g><title>{_show(f'Q{qubit}', value, self._names[0])}</title>"
            f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{_RADIUS}" fill="{colour}"{edge}/>'
            f'<text x="{x:.3f}" y="{y:.3f}" dy="0.11" font-size="0.32" text-anchor="middle" '
            f'fill="{_ink_on(colour)}">{qubit}</text></g>'
        )

    def _describe(self) -> str:
        """Return what the colours mean."""
        words = []
        for what, name, columns in (
            ("qubits", self._names[0], self._chip.qubit_columns),
            ("couplings", self._names[1], self._chip.coupling_columns),
        ):
            values = columns.get(name)
            if values:
                quantity = find_quantity(name)
                low, high = (f"{v * quantity.factor:.3g}" for v in _range(values.values()))
                words.append(f"{what}: {quantity.label} {low} to {high}")
        text = "; ".join(words)
        note = f"{text}; bright is good, gray is not known" if text else "nothing is known of it"
        return f'<div style="font-size:85%;opacity:.7">{escape(note)}</div>'


def _range(values: Iterable[float]) -> tuple[float, float]:
    listed = [value for value in values if math.isfinite(value)]
    return (min(listed), max(listed)) if listed else (0.0, 0.0)


def _colour(values: Mapping[Any, float], name: str) -> dict[Any, str]:
    """Return a colour for each finite value; bright for good ones."""
    low, high = _range(values.values())
    reverse = find_quantity(name).is_better_small
    colours = {}
    for place, value in values.items():
        if math.isfinite(value):
            share = 0.5 if high == low else (value - low) / (high - low)
            colours[place] = _mix(1 - share if reverse else share)
    return colours


def _mix(share: float) -> str:
    """Return the colour at a place between 0 and 1.

    >>> _mix(0), _mix(1)
    ('#482878', '#fde725')
    """
    steps = len(_VIRIDIS) - 1
    at = min(int(share * steps), steps - 1)
    part = share * steps - at
    mixed = [round(a + (b - a) * part) for a, b in zip(_VIRIDIS[at], _VIRIDIS[at + 1], strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour (ITU-R BT.709 luma)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 115 else "#fff"


def _show(element: str, value: float | None, name: str) -> str:
    quantity = find_quantity(name)
    text = "not known" if value is None else f"{value * quantity.factor:.3g}"
    return escape(f"{element}: {quantity.label} {text}")
