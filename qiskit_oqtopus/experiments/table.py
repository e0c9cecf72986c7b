"""The table of what a characterization found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qiskit_experiments.framework import ExperimentData

from ..exceptions import OqtopusOptionError
from .comparison import COLUMNS, NUMBER
from .composite import JOB_ID, POINTS, REASON, SHOTS

if TYPE_CHECKING:
    from pandas import DataFrame

MITIGATOR = "Local Readout Mitigator"
"""The result of LocalReadoutError."""

READOUT_ERRORS = ("readout 0->1", "readout 1->0")
"""Quantities of a table: the probabilities of reading 1 for a 0, and 0 for a 1."""

_SHOWN = {
    "T1": ("T1",),
    "T2Hahn": ("T2",),
    "StandardRB": ("EPC", "EPG_sx", "EPG_x"),
    "InterleavedRB": ("EPC",),
    "CHSH": ("S",),
    "ParityOscillation": ("contrast", "population", "fidelity"),
}
"""By the type of an experiment, which of its results are in the table."""

_UNITS = {
    "T1": "s",
    "T2": "s",
    **dict.fromkeys(("S", "contrast", "population", "fidelity"), NUMBER),
}


def build_table(plain: Mapping[str, Any], data: ExperimentData) -> DataFrame:
    """Return what was found, one row per element and quantity.

    Args:
        plain: The plan.
        data: Analysed data.

    Raises:
        OqtopusOptionError: If the data have not been analysed.
    """
    import pandas

    results = data.analysis_results(dataframe=True, columns="all")
    if not len(results):
        raise OqtopusOptionError(
            "These data have no analysis results, so that there is no table. Wait for them with "
            f"data.block_for_results(); its status is {data.status().name}: {data.errors()}"
        )
    stated = plain["stated"]
    rows: list[dict[str, Any]] = []
    for result in results.to_dict("records"):
        for element, quantity, value, stderr in _read(result):
            known = stated.get(element, {}).get(quantity, math.nan)
            quality = str(result["quality"])
            if quality not in ("good", "bad"):
                quality = "bad" if math.isnan(value) else "good"
            rows.append(
                {
                    "element": element,
                    "quantity": quantity,
                    "value": value,
                    "stderr": stderr,
                    "unit": _UNITS.get(quantity, ""),
                    "stated": known,
                    "sigma": (value - known) / stderr if stderr > 0 else math.nan,
                    "quality": quality,
                    "points": _text(result.get(POINTS)),
                    "reason": _find_reason(result) if quality == "bad" else "",
                    "job_id": _text(result.get(JOB_ID)),
                }
            )
    # Elements in the order of their qubits, and of each what was measured first; sorting is stable.
    rows.sort(key=lambda row: _order(str(row["element"])))
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    table.attrs = {
        "device": plain["device"],
        "calibrated_at": plain["calibrated_at"],
        "run_time": _show_time(data.start_datetime),
    }
    return table


def _show_time(moment: Any) -> str | None:
    """Return a time to the second; data that were loaded by others may have none."""
    if not isinstance(moment, datetime):
        return None if moment is None else str(moment)
    return moment.isoformat(sep=" ", timespec="seconds")


def find_bad(table: DataFrame, number: int) -> dict[tuple[str, tuple[int, ...]], str]:
    """Return the fits that are bad: titles by the type of the experiment and its qubits.

    Args:
        table: A table of :func:`build_table`.
        number: How many at most, of each quantity in turn.
    """
    rows = table[table["quality"] == "bad"]
    rows = rows.assign(turn=rows.groupby("quantity").cumcount()).sort_values("turn", kind="stable")
    found: dict[tuple[str, tuple[int, ...]], str] = {}
    for element, quantity in zip(rows["element"], rows["quantity"], strict=True):
        qubits = tuple(_order(element)[1])
        of_pairs = quantity == "EPC" and len(qubits) > 1
        kinds = [kind for kind, names in _SHOWN.items() if quantity in names]
        kind = kinds[-1] if of_pairs else kinds[0] if kinds else ""
        if kind and len(found) < number:
            found.setdefault((kind, qubits), f"{element} {quantity}")
    return found


def _order(element: str) -> tuple[int, list[int]]:
    """Return what elements are sorted by: qubits before couplings.

    >>> _order("Q12-Q3")
    (2, [12, 3])
    """
    qubits = [int(name[1:]) for name in element.split("-")]
    return len(qubits), qubits


def _read(result: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    """Return the rows of one analysis result: element, quantity, value and standard error."""
    name, value = result["name"], result["value"]
    qubits = [component.index for component in result["components"]]
    if name == MITIGATOR:
        for qubit in qubits:
            yield from _read_readout(qubit, value, int(result.get(SHOTS) or 0))
    elif name in _SHOWN.get(str(result["experiment"]), ()):
        element = "-".join(f"Q{qubit}" for qubit in qubits)
        yield element, name, float(value.nominal_value), float(value.std_dev)


def _read_readout(
    qubit: int, mitigator: Any, shots: int
) -> Iterator[tuple[str, str, float, float]]:
    for quantity, (read, prepared) in zip(READOUT_ERRORS, ((1, 0), (0, 1)), strict=True):
        value = stderr = math.nan
        if hasattr(mitigator, "assignment_matrix"):
            value = float(mitigator.assignment_matrix([qubit])[read, prepared])
            if shots:
                # Of a value of 0 or 1, what one shot more or less would make of it.
                spread = max(value * (1 - value), 1 / (shots + 1))
                stderr = math.sqrt(spread / shots)
        yield f"Q{qubit}", quantity, value, stderr


def _find_reason(result: Mapping[str, Any]) -> str:
    given = _text(result.get(REASON))
    if given:
        return given
    chisq = result.get("chisq")
    known = isinstance(chisq, (int, float)) and math.isfinite(chisq)
    return f"the fit is bad: reduced chi-squared {chisq:.2g}" if known else "the fit is bad"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
