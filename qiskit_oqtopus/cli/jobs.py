"""Commands about jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from qiskit.primitives import BitArray
from qiskit.primitives.containers import PrimitiveResult

from ..cloud.jobs_table import describe_job
from ..cloud.script import ScriptJob, ScriptResult
from ..exceptions import OqtopusError
from ..simulator.job import QulacsJob
from ..words import clean
from .command import FAILED, Session
from .output import as_json, print_json, print_table, to_text

_COLUMNS = ("job_id", "name", "device", "status", "circuits", "created")
_MOST_COUNTS = 20
"""Outcomes of one circuit that are shown, the most frequent first; --counts shows all."""


_LONGEST_LINE = 20_000
"""Characters of a line of a log that are shown."""


@click.command()
@click.option("--device", help="Only jobs of this device.")
@click.option(
    "--status",
    help="Only jobs of this status: DONE, ERROR, ..., or submitted, succeeded, failed, ...",
)
@click.option("--tag", "tags", multiple=True, help="Only jobs with this tag; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@as_json
@click.pass_obj
def jobs(
    session: Session,
    device: str | None,
    status: str | None,
    tags: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """List the jobs of the account, the newest first; circuits of one run are one job."""
    found = session.provider.jobs(
        limit=limit, backend=device, status=status, tags=list(tags) or None
    )
    rows = [describe_job(job) for job in found]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, _COLUMNS, "There are no such jobs.")


@click.command()
@click.argument("job_id")
@as_json
@click.pass_obj
def status(session: Session, job_id: str, as_json: bool) -> None:
    """Say how the job JOB_ID is. The exit code is 1 if it has failed or was cancelled."""
    job = session.provider.job(job_id)
    found = job.status()
    facts = {"job_id": job_id, "status": found.name, "device": job.backend().name}
    reason = job.error_message()
    if as_json:
        print_json(facts | {"reason": reason})
    else:
        click.echo(f"{found.name}{': ' + to_text(reason) if reason else ''}")
    if found.name in ("ERROR", "CANCELLED"):
        raise click.exceptions.Exit(FAILED)


@click.command()
@click.argument("job_id")
@click.option("--counts", "only_counts", is_flag=True, help="Print all counts and nothing else.")
@click.option("--timeout", type=click.FloatRange(0), help="Wait at most so many seconds.")
@as_json
@click.pass_obj
def result(
    session: Session, job_id: str, only_counts: bool, timeout: float | None, as_json: bool
) -> None:
    """Wait for the job JOB_ID and print its result."""
    job = session.provider.job(job_id)
    print_result(job, as_json=as_json, only_counts=only_counts, timeout=timeout)


@click.command()
@click.argument("job_id")
@click.pass_obj
def cancel(session: Session, job_id: str) -> None:
    """Cancel the job JOB_ID. The exit code is 1 if there was nothing left to cancel."""
    job = session.provider.job(job_id)
    if not job.cancel():
        raise OqtopusError(f"Job {job_id} is not cancelled: it is {job.status().name}.")
    click.echo(f"Job {job_id} is cancelled.")


# -- results --------------------------------------------------------------------------------------


def print_result(job: Any, *, as_json: bool, only_counts: bool, timeout: float | None) -> None:
    """Wait for a job, and print its result.

    Args:
        job: A job of a device, of the simulator or of a primitive, or a script.
        as_json: Whether it is printed as JSON.
        only_counts: Whether all counts are printed, and nothing else.
        timeout: Time in s to wait, or None.
    """
    result = job.result(timeout=timeout)
    if isinstance(result, ScriptResult):
        _print_script(job, result, as_json=as_json)
        return
    found = list(_read(result))
    if as_json:
        # Nobody would find a job of the local simulator by its id.
        job_id = None if isinstance(job, QulacsJob) else job.job_id()
        print_json({"job_id": job_id, "results": found})
        return
    for number, each in enumerate(found):
        if len(found) > 1 and not only_counts:
            click.echo(f"{'' if number == 0 else chr(10)}# {number}: {to_text(each['name'])}")
        if "counts" not in each:
            click.echo(f"evs: {to_text(each['evs'])}\nstds: {to_text(each['stds'])}")
            continue
        ordered = sorted(each["counts"].items(), key=lambda pair: (-pair[1], pair[0]))
        shown = ordered if only_counts else ordered[:_MOST_COUNTS]
        width = max((len(str(count)) for _, count in shown), default=0)
        for key, count in shown:
            click.echo(f"{count:{width}d}  {key}")
        if len(ordered) > len(shown):
            click.echo(f"and {len(ordered) - len(shown)} others: --counts shows all")


def _print_script(job: ScriptJob, result: ScriptResult, *, as_json: bool) -> None:
    """Print what a script has left: its log, or all of it as JSON."""
    if as_json:
        values = {"log": result.log, "last_result": result.last_result}
        print_json({"job_id": job.job_id(), **values, "payloads": result.payloads})
        return
    for line in job.log().splitlines():
        click.echo(clean(line, limit=_LONGEST_LINE))


def _read(result: Any) -> Iterator[dict[str, Any]]:
    """Yield the result of each circuit or PUB as plain values."""
    if not isinstance(result, PrimitiveResult):
        for number, each in enumerate(result.results):
            yield {
                "name": getattr(each.header, "name", None) if each.header else None,
                "shots": each.shots,
                "counts": result.get_counts(number),
            }
        return
    for number, pub in enumerate(result):
        values = pub.data
        if "evs" in values:
            yield {"name": f"PUB {number}", "evs": values["evs"], "stds": values["stds"]}
            continue
        for name in values:
            bits = values[name]
            if isinstance(bits, BitArray):
                counts = bits.get_counts()
                yield {"name": f"PUB {number}, {name}", "shots": bits.num_shots, "counts": counts}
