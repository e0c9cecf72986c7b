"""Nights in a row: what many nights of calibration found, and what devices stated meanwhile.

A folder of nights has a folder for each night. There, the report of a night writes ``values.csv``:
its table, with the device and the time. Snapshots of calibrations, JSON files of any name, lie
beside the nights, or in a folder beside them, or in that of a night.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..device.snapshot import FORMAT, DeviceSnapshot
from ..exceptions import OqtopusError, OqtopusOptionError, OqtopusWarning, users_stacklevel
from ..files import write_whole
from ..json_text import JsonError, read_json
from .comparison import COLUMNS, read_stated
from .folder import PLAN

if TYPE_CHECKING:
    from pandas import DataFrame

StrPath = str | os.PathLike[str]

VALUES = "values.csv"
"""The table of a night, in its folder."""

MEASURED, CALIBRATED = "measured", "calibrated"
"""Sources of a history: a night that measured, and a calibration that states."""

HISTORY = (
    *("time", "device", "element", "quantity", "value", "stderr"),
    *("unit", "stated", "quality", "source", "file"),
)
"""The columns of a history."""

MAX_BYTES = 2**26
"""Largest JSON file that is looked at."""

_NUMBERS = ("value", "stderr", "stated")
_SHOWN = 5


def load_history(folder: StrPath) -> DataFrame:
    """Return all values of many nights, those that were found and those that were stated.

    Args:
        folder: A folder of nights: of folders to which :meth:`.Characterization.report` has
            written, and of snapshots that ``OqtopusProvider(snapshots=...)`` or
            :meth:`.DeviceSnapshot.save` has written. It is looked at, and so are the folders in it.

    Returns:
        One row per element, quantity and time, the oldest first, with :data:`HISTORY` as columns:
        ``time`` in UTC is when it was measured or calibrated; ``source`` is "measured", or
        "calibrated" for what a snapshot states, whose standard error is not known (NaN); ``stated``
        is what was stated then; times are in s, errors are probabilities; ``file`` says where it
        comes from. A calibration that is there several times counts once.

    Raises:
        OqtopusOptionError: If there is no such folder.

    Warns:
        OqtopusWarning: If files cannot be read, or a night has no values yet; they are left out.
    """
    import pandas

    root = Path(folder)
    if not root.is_dir():
        raise OqtopusOptionError(f"There is no folder {root}, so that there is no history.")
    tables: list[DataFrame] = []
    doubts: list[str] = []
    seen: set[tuple[str, str | None]] = set()
    for place in (root, *sorted(path for path in root.iterdir() if path.is_dir())):
        if (place / VALUES).exists():
            try:
                tables.append(_read_night(place / VALUES, root))
            except (ValueError, OSError) as error:
                doubts.append(f"{place.name}/{VALUES}: {error}")
        elif (place / PLAN).exists():
            doubts.append(f"{place.name} has a plan but no report yet")
        for path, snapshot in _find_snapshots(place, doubts):
            if (snapshot.device_id, snapshot.calibrated_at) not in seen:
                seen.add((snapshot.device_id, snapshot.calibrated_at))
                tables.append(_read_calibration(snapshot, str(path.relative_to(root))))
    if doubts:
        more = f"; and {len(doubts) - _SHOWN} more" if len(doubts) > _SHOWN else ""
        warnings.warn(
            f"The history in {root} leaves something out: {'; '.join(doubts[:_SHOWN])}{more}.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )
    tables = [table for table in tables if len(table)]
    if not tables:
        return pandas.DataFrame(columns=list(HISTORY))
    history = pandas.concat(tables, ignore_index=True)
    return history.sort_values("time", kind="stable", ignore_index=True)


def write_night(folder: StrPath, table: DataFrame) -> None:
    """Write the table of a night for :func:`load_history`, whole or not at all.

    Args:
        folder: That of the night.
        table: A table of ``Characterization.table``.

    Raises:
        OSError: If it cannot be written.
    """
    night = table[list(COLUMNS)].copy()
    moment = read_time(table)
    night.insert(0, "time", "" if moment is None else moment.isoformat(timespec="seconds"))
    night.insert(1, "device", str(table.attrs.get("device") or ""))
    night.insert(2, "calibrated_at", str(table.attrs.get("calibrated_at") or ""))
    write_whole(Path(folder) / VALUES, night.to_csv(index=False))


def read_time(table: DataFrame) -> datetime | None:
    """Return when a table was measured, in UTC; one without a zone is in that of this machine."""
    try:
        return datetime.fromisoformat(str(table.attrs.get("run_time"))).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def find_last_night(folder: StrPath, table: DataFrame) -> DataFrame | None:
    """Return the last night before this one of the same device, in a folder beside this one.

    Args:
        folder: That of this night.
        table: What this night found.

    Returns:
        Its rows of a history; None if there is none, or if this table does not say its time.
    """
    now, own = read_time(table), Path(folder).resolve()
    if now is None:
        return None
    last: DataFrame | None = None
    for path in sorted(own.parent.glob(f"*/{VALUES}")):
        if path.parent == own:
            continue
        try:
            night = _read_night(path, own.parent)
        except (ValueError, OSError):  # load_history warns of it
            continue
        if not len(night) or night["device"].iloc[0] != str(table.attrs.get("device") or ""):
            continue
        # A time that is not known compares as False.
        then = night["time"].iloc[0]
        if then < now and (last is None or then > last["time"].iloc[0]):
            last = night
    return last


def add_change(table: DataFrame, before: DataFrame) -> DataFrame:
    """Return a table with what has changed since another night.

    Args:
        table: A table of ``Characterization.table``.
        before: Rows of a history.

    Returns:
        A copy with the columns ``change``, ``change_stderr``, and ``change_sigma``: the change over
        its standard error. They are NaN where one of both values is bad or missing.
    """
    good = before[(before["quality"] == "good") & (before["source"] == MEASURED)]
    known = {
        (element, quantity): (value, stderr)
        for element, quantity, value, stderr in zip(
            good["element"], good["quantity"], good["value"], good["stderr"], strict=True
        )
    }
    changed = table.copy()
    changed.attrs = dict(table.attrs)
    nothing = (math.nan, math.nan)
    then = [
        known.get((element, quantity), nothing) if quality == "good" else nothing
        for element, quantity, quality in zip(
            table["element"], table["quantity"], table["quality"], strict=True
        )
    ]
    changed["change"] = table["value"] - [value for value, _ in then]
    changed["change_stderr"] = [
        math.hypot(now, before) for now, (_, before) in zip(table["stderr"], then, strict=True)
    ]
    stderr = changed["change_stderr"].where(changed["change_stderr"] > 0)
    changed["change_sigma"] = changed["change"] / stderr
    return changed


def _read_night(path: Path, root: Path) -> DataFrame:
    """Return the rows of a night.

    Raises:
        ValueError: If it is not the table of one.
        OSError: If it cannot be read.
    """
    import pandas

    night = pandas.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in (*COLUMNS, "time", "device") if name not in night.columns]
    if missing:
        raise ValueError(f"it has no column {missing[0]!r}")
    for name in _NUMBERS:
        night[name] = [float(text or "nan") for text in night[name]]
    night["time"] = _to_times(night["time"])
    night["source"] = MEASURED
    night["file"] = str(path.relative_to(root))
    return night[list(HISTORY)]


def _to_times(texts: Any) -> Any:
    import pandas

    return pandas.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").astype(
        "datetime64[us, UTC]"
    )


def _find_snapshots(place: Path, doubts: list[str]) -> Iterator[tuple[Path, DeviceSnapshot]]:
    """Return the snapshots in a folder; JSON files of other kinds are none."""
    for path in sorted(place.glob("*.json")):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            values = read_json(path.read_bytes(), constants=False)
            if isinstance(values, dict) and values.get("format") == FORMAT:
                yield path, DeviceSnapshot.from_dict(values)
        except (OSError, JsonError, OqtopusError) as error:
            doubts.append(f"{path.name}: {error}")


def _read_calibration(snapshot: DeviceSnapshot, file: str) -> DataFrame:
    import pandas

    rows = [
        (element, quantity, value, "s" if quantity in ("T1", "T2") else "")
        for element, values in read_stated(snapshot).items()
        for quantity, value in values.items()
    ]
    table = pandas.DataFrame(rows, columns=["element", "quantity", "value", "unit"])
    times = _to_times(pandas.Series([snapshot.calibrated_at or ""]))
    table["time"] = times.iloc[0]
    table["time"] = table["time"].astype("datetime64[us, UTC]")
    table["device"] = snapshot.device_id
    table["stderr"] = math.nan
    table["stated"] = table["value"]
    table["quality"] = ""
    table["source"] = CALIBRATED
    table["file"] = file
    return table[list(HISTORY)]
