"""The command that runs a Python program beside a device."""

from __future__ import annotations

from pathlib import Path

import click

from .command import Session
from .jobs import print_result
from .output import as_json


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", required=True, help="The device beside which it runs.")
@click.option("--name", help="Name of the job; by default that of the file.")
@click.option("--tag", "tags", multiple=True, help="A word to find it by; may be repeated.")
@click.option("--bundle", is_flag=True, help="Send qiskit_oqtopus.sse along, for it to import.")
@click.option("--no-wait", is_flag=True, help="Print the id and leave.")
@as_json
@click.pass_obj
def script(
    session: Session,
    file: Path,
    device: str,
    name: str | None,
    tags: tuple[str, ...],
    bundle: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Run FILE, a Python program, beside a device, and print its log.

    The id of the job is printed on stderr as soon as there is one. The device is blocked for others
    while the program runs.
    """
    job = session.provider.run_script(file, device, name=name, tags=tags, bundle=bundle)
    if no_wait:
        click.echo(job.job_id())
        return
    click.echo(f"Job {job.job_id()} on {device}", err=True)
    print_result(job, as_json=as_json, only_counts=False, timeout=None)
