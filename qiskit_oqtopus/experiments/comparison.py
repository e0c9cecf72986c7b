"""Tables of results: what was found beside what a calibration states, and one row per element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..device.uncalibrated import known_fidelity
from ..exceptions import OqtopusOptionError

if TYPE_CHECKING:
    from pandas import DataFrame

Stated = Mapping[str, Mapping[str, float]]
"""By element ("Q3", "Q3-Q4"), what a calibration states of each quantity: s, or probabilities."""

ONE_QUBIT_GATES = ("EPG_sx", "EPG_x")
"""Quantities that the one error of all one-qubit gates is the stated value of."""

NUMBER = "1"
"""The unit of numbers that are neither times nor probabilities."""

COLUMNS = (
    *("element", "quantity", "value", "stderr", "unit", "stated", "sigma"),
    *("quality", "points", "reason", "job_id"),
)
"""The columns of a table of results."""


def read_stated(device: Any) -> dict[str, dict[str, float]]:
    """Return what a device states of its qubits and couplings.

    Args:
        device: A DeviceSnapshot; a backend or whatever else has ``snapshot()``; or a backend that
            has no more than a Target.

    Returns:
        By element, values by quantity: "T1" and "T2" in s; "readout 0->1", "readout 1->0",
        "EPG_sx" and "EPG_x" of qubits; "EPC" of couplings, which is the error of their gate. What
        is not known is not there. A coupling stands there in both directions if it has both.

    Raises:
        OqtopusOptionError: If it states nothing that could be read.
    """
    if callable(getattr(device, "snapshot", None)):
        device = device.snapshot() or device
    if hasattr(device, "qubits") and hasattr(device, "couplings"):
        found = _read_snapshot(device)
    elif getattr(device, "target", None) is not None:
        found = _read_target(device.target)
    else:
        raise OqtopusOptionError(
            f"{type(device).__name__} states no values: give a DeviceSnapshot or a backend."
        )
    return {
        element: {name: float(value) for name, value in values.items() if value is not None}
        for element, values in found.items()
    }


def _read_snapshot(snapshot: Any) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for qubit in snapshot.qubits:
        fidelity = known_fidelity(qubit)
        error = None if fidelity is None else 1 - fidelity
        found[f"Q{qubit.id}"] = {
            "T1": qubit.t1,
            "T2": qubit.t2,
            "readout 0->1": qubit.prob_meas1_prep0,
            "readout 1->0": qubit.prob_meas0_prep1,
            **dict.fromkeys(ONE_QUBIT_GATES, error),
        }
    for coupling in snapshot.couplings:
        fidelity = known_fidelity(coupling)
        error = None if fidelity is None else 1 - fidelity
        found[f"Q{coupling.control}-Q{coupling.target}"] = {"EPC": error}
    return found


def _read_target(target: Any) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for index, properties in enumerate(target.qubit_properties or []):
        if properties is not None:
            found[f"Q{index}"] = {"T1": properties.t1, "T2": properties.t2}
    for name in target.operation_names:
        for place, properties in (target[name] or {}).items():
            if name == "measure" and place is not None:
                found.setdefault(f"Q{place[0]}", {}).update(
                    {
                        "readout 0->1": getattr(properties, "prob_meas1_prep0", None),
                        "readout 1->0": getattr(properties, "prob_meas0_prep1", None),
                    }
                )
                continue
            error = getattr(properties, "error", None)
            if place is None or error is None:
                continue
            if len(place) == 2:
                found[f"Q{place[0]}-Q{place[1]}"] = {"EPC": error}
            elif f"EPG_{name}" in ONE_QUBIT_GATES:
                found.setdefault(f"Q{place[0]}", {})[f"EPG_{name}"] = error
    return found


def compare(table: DataFrame, device: Any) -> DataFrame:
    """Return a table of results with the values that another calibration states.

    Args:
        table: A table of ``Characterization.table``.
        device: A DeviceSnapshot or a backend; or values by element and quantity.

    Returns:
        A copy whose column ``stated`` has the values of that calibration, ``difference`` the found
        value less the stated one, and ``sigma`` the difference over the standard error.

    Raises:
        OqtopusOptionError: If the device states nothing that could be read.
    """
    stated = device if isinstance(device, Mapping) else read_stated(device)
    compared = table.copy()
    compared.attrs = dict(table.attrs)
    compared["stated"] = [
        stated.get(element, {}).get(quantity, np.nan)
        for element, quantity in zip(table["element"], table["quantity"], strict=True)
    ]
    compared["difference"] = compared["value"] - compared["stated"]
    stderr = compared["stderr"].where(compared["stderr"] > 0)
    compared["sigma"] = compared["difference"] / stderr
    for name in ("name", "calibrated_at"):
        value = getattr(device, name, None)
        if isinstance(value, str):
            compared.attrs["device" if name == "name" else name] = value
    return compared


def wide_table(table: DataFrame) -> DataFrame:
    """Return a table of results with one row per element.

    Args:
        table: A table of ``Characterization.table``.

    Returns:
        A table indexed by element in the order of the given one; for each quantity a column of its
        name with the values, and one with " stderr" added.
    """
    import pandas

    elements = list(dict.fromkeys(table["element"]))
    columns: dict[str, dict[str, float]] = {}
    for element, quantity, value, stderr in zip(
        table["element"], table["quantity"], table["value"], table["stderr"], strict=True
    ):
        columns.setdefault(quantity, {})[element] = value
        columns.setdefault(f"{quantity} stderr", {})[element] = stderr
    wide = pandas.DataFrame(
        {
            name: [values.get(element, np.nan) for element in elements]
            for name, values in columns.items()
        },
        index=pandas.Index(elements, name="element"),
        dtype=float,
    )
    wide.attrs = dict(table.attrs)
    return wide


def describe(value: float, stderr: float, unit: str) -> str:
    """Return a value as people write it: times in µs, probabilities in percent.

    >>> describe(2.71, 0.04, NUMBER)
    '2.71 ± 0.04'

    >>> describe(2.5e-5, 1.2e-6, "s"), describe(0.0123, 0.0004, ""), describe(float("nan"), 0, "s")
    ('25.0 ± 1.2 µs', '1.23 ± 0.04 %', '')
    """
    if not np.isfinite(value):
        return ""
    factor, shown = {"s": (1e6, " µs"), "": (100.0, " %"), NUMBER: (1.0, "")}.get(
        unit, (1.0, f" {unit}")
    )
    value, stderr = value * factor, stderr * factor
    if not np.isfinite(stderr) or stderr <= 0:
        return f"{value:.4g}{shown}"
    digits = min(8, max(0, 1 - int(np.floor(np.log10(stderr)))))
    text = f"{stderr:.{digits}f}"
    if text.rstrip("0") != text and "." in text and stderr < 1:
        digits, text = digits - 1, f"{stderr:.{digits - 1}f}"
    return f"{value:.{digits}f} ± {text}{shown}"
