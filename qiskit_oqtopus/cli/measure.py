"""The commands that run experiments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .command import Session
from .output import as_json, print_json, print_table


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def rabi(arguments: tuple[str, ...]) -> int:
    """Run a Rabi experiment: `python -m qiskit_oqtopus.experiments rabi`."""
    from ..experiments.__main__ import main

    return main(["rabi", *arguments]) or 0


@click.command()
@click.argument("device")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the report.")
@click.option("--qubits", help="Such as 0,3,5; or all (default: the good ones).")
@click.option("--measure", help="Such as t1,chsh,parity (default: readout,t1,t2,rb,irb).")
@click.option("--shots", type=click.IntRange(1), help="Shots of each circuit.")
@click.option("--seed", type=int, help="Of random sequences and of the simulator.")
@click.option("--twin", is_flag=True, help="Rehearse on the twin: nothing is sent to the device.")
@click.option("--plan", "only_plan", is_flag=True, help="Print the plan and leave.")
@as_json
@click.pass_obj
def characterize(
    session: Session,
    device: str,
    out: Path,
    qubits: str | None,
    measure: str | None,
    shots: int | None,
    seed: int | None,
    twin: bool,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Characterize all good qubits and couplings of DEVICE and write a report.

    A folder with a plan that was interrupted is gone on with: only what is missing is sent.
    """
    from ..experiments import Characterization, wide_table

    backend = session.provider.backend(device)
    if twin:
        backend = backend.twin(seed=seed)
    # Only the cloud keeps what was sent: a rehearsal begins anew each time.
    folder = None if twin else out
    if folder is not None and (folder / "plan.json").exists():
        plan = Characterization.load(out, backend)
    else:
        options: dict[str, Any] = {"qubits": _read_qubits(qubits)} if qubits else {}
        if measure:
            options["measure"] = tuple(name.strip() for name in measure.split(","))
        if shots is not None:
            options["shots"] = shots
        if seed is not None:
            options["seed"] = seed
        plan = Characterization(backend, **options)
    click.echo(str(plan), err=True)
    if only_plan:
        return
    data = plan.run(folder=folder, progress=sys.stderr.isatty()).block_for_results()
    table = plan.table(data)
    path = plan.report(out, data)
    if as_json:
        print_json(table.to_dict(orient="records"))
    else:
        wide = wide_table(table)
        rows = [{"element": name, **row.to_dict()} for name, row in wide.iterrows()]
        names = [name for name in wide.columns if not name.endswith(" stderr")]
        print_table(rows, ("element", *names), "Nothing was measured.")
    click.echo(f"Wrote {path}.", err=True)


def _read_qubits(text: str) -> str | list[int]:
    if text in ("good", "all"):
        return text
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        words = "give numbers with commas, good or all"
        raise click.BadParameter(words, param_hint="--qubits") from error
