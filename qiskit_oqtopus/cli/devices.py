"""Commands about devices and their calibrations."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import Any

import click

from ..exceptions import OqtopusOptionError
from ..files import write_whole
from .command import Session
from .output import as_json, print_json, print_table

_COLUMNS = ("device", "type", "status", "qubits", "pending", "calibrated", "gate", "cx", "readout")


@click.command()
@as_json
@click.pass_obj
def devices(session: Session, as_json: bool) -> None:
    """List the devices of the account: queue, calibration, best and median errors in percent."""
    rows = [
        _describe(backend)
        for backend in session.provider.backends()
        if hasattr(backend, "snapshot")
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        for name in ("gate", "cx", "readout"):
            row[name] = _show_errors(row[name])
    print_table(rows, _COLUMNS, "The account has no devices.")


def _describe(backend: Any) -> dict[str, Any]:
    snapshot = backend.snapshot()
    qubits, couplings = snapshot.to_dataframe()
    status = backend.status()
    return {
        "device": backend.name,
        "type": snapshot.device_type,
        "status": status.status_msg,
        "qubits": backend.num_qubits,
        "pending": status.pending_jobs,
        "calibrated": snapshot.calibrated_at,
        "gate": _find_errors(qubits["gate_error"]),
        "cx": _find_errors(couplings["error"]),
        "readout": _find_errors(qubits["readout_error"]),
    }


def _find_errors(column: Any) -> dict[str, float] | None:
    values = column.dropna().tolist()
    return {"best": min(values), "median": median(values)} if values else None


def _show_errors(errors: dict[str, float] | None) -> str | None:
    return None if errors is None else "{best:.2%} / {median:.2%}".format(**errors)


@click.command()
@click.argument("device")
@click.option("--csv", "folder", type=click.Path(path_type=Path), help="Write two tables there.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the chip into a file.")
@as_json
@click.pass_obj
def calibration(
    session: Session, device: str, folder: Path | None, plot: Path | None, as_json: bool
) -> None:
    """Show what DEVICE states of its qubits and couplings; times in us, errors in percent."""
    backend = session.provider.backend(device)
    if not hasattr(backend, "snapshot"):
        raise OqtopusOptionError(f"{device} is no device: it has no calibration.")
    snapshot = backend.snapshot()
    qubits, couplings = snapshot.to_dataframe()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "qubits.csv", qubits.to_csv())
        write_whole(folder / "couplings.csv", couplings.to_csv())
        click.echo(f"Wrote {folder / 'qubits.csv'} and {folder / 'couplings.csv'}.", err=True)
    if plot is not None:
        backend.draw().figure.savefig(plot)
        click.echo(f"Wrote {plot}.", err=True)
    if as_json:
        print_json(snapshot.to_dict())
        return
    click.echo(f"{snapshot.name}, calibrated at {snapshot.calibrated_at or 'an unknown time'}")
    shown = {"T1 us": ("t1", 1e6, 2), "T2 us": ("t2", 1e6, 2)}
    shown |= {"gate %": ("gate_error", 100, 3), "readout %": ("readout_error", 100, 2)}
    print_table(_scale(qubits, shown), ("element", *shown), "It states no qubits.")
    click.echo()
    shown = {"error %": ("error", 100, 2)}
    print_table(_scale(couplings, shown), ("element", *shown), "It states no couplings.")
    for reason in snapshot.left_out:
        click.echo(f"left out: {reason}")


def _scale(table: Any, shown: dict[str, tuple[str, float, int]]) -> list[dict[str, Any]]:
    """Return the rows of a table, with columns in other units and with so many decimals."""
    rows = []
    for element, row in table.iterrows():
        values = {name: row[column] * factor for name, (column, factor, _) in shown.items()}
        texts = {
            name: None if math.isnan(value) else f"{value:.{shown[name][2]}f}"
            for name, value in values.items()
        }
        rows.append({"element": element, **texts})
    return rows
