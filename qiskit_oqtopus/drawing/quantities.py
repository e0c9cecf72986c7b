"""How quantities are written in pictures and in text for people: their names and units."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """How a quantity is shown.

    Attributes:
        label: Its name, with its unit.
        factor: What a value (in s, or a probability) is multiplied by.
        is_better_small: Whether small values are the good ones.
    """

    label: str
    factor: float = 1.0
    is_better_small: bool = False


_KNOWN = {
    "t1": Quantity("T1 (µs)", 1e6),
    "t2": Quantity("T2 (µs)", 1e6),
    "gate_error": Quantity("one-qubit gate error (%)", 100.0, True),
    "readout_error": Quantity("readout error (%)", 100.0, True),
    "prob_meas1_prep0": Quantity("readout 0->1 (%)", 100.0, True),
    "prob_meas0_prep1": Quantity("readout 1->0 (%)", 100.0, True),
    "error": Quantity("two-qubit gate error (%)", 100.0, True),
    "fidelity": Quantity("fidelity"),
}


def find_quantity(name: str, unit: str | None = None) -> Quantity:
    """Return how a quantity is shown.

    Args:
        name: A column of a calibration, or a quantity of a table of results.
        unit: Its unit, if the table says it: "s", "" for probabilities, "1" for other numbers.

    >>> find_quantity("t1").label
    'T1 (µs)'
    >>> find_quantity("EPC", unit="").label
    'EPC (%)'
    >>> find_quantity("charm").label
    'charm'
    """
    known = _KNOWN.get(name.lower()) or _KNOWN.get(name)
    if known is not None:
        return known
    if name.startswith("duration_"):
        return Quantity(f"duration of {name.removeprefix('duration_')} (ns)", 1e9, True)
    if unit == "s":
        return Quantity(f"{name} (µs)", 1e6)
    if not unit and name.startswith(("EP", "readout")):
        return Quantity(f"{name} (%)", 100.0, True)
    return Quantity(name if unit in (None, "", "1") else f"{name} ({unit})")
