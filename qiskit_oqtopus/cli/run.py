"""The command that runs an OpenQASM file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
from qiskit import QuantumCircuit, qasm2, qasm3, transpile

from ..exceptions import OqtopusOptionError
from ..simulator.backend import QulacsBackend
from .command import Session
from .jobs import print_result
from .output import as_json


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", required=True, help="A device, or qulacs for the local simulator.")
@click.option("--shots", type=click.IntRange(1), default=1000, show_default=True)
@click.option(
    "--optimization-level",
    type=click.IntRange(0, 3),
    default=2,
    show_default=True,
    help="Of transpile().",
)
@click.option("--seed", type=int, help="Of transpile() and of the simulator.")
@click.option("--no-wait", is_flag=True, help="Print the id and leave.")
@as_json
@click.pass_obj
def run(
    session: Session,
    file: Path,
    device: str,
    shots: int,
    optimization_level: int,
    seed: int | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Run FILE, an OpenQASM 2 or 3 program, and print its counts.

    The id of the job is printed on stderr as soon as there is one. The local simulator keeps no
    jobs, so that it has none.
    """
    circuit = read_circuit(file)
    backend = session.provider.backend(device)
    is_kept = not isinstance(backend, QulacsBackend)
    if no_wait and not is_kept:
        raise click.UsageError(
            "--no-wait would lose the counts: the local simulator keeps no jobs. Leave it out."
        )
    compiled = transpile(
        circuit, backend, optimization_level=optimization_level, seed_transpiler=seed
    )
    options: dict[str, Any] = {"shots": shots}
    if seed is not None:
        options["seed_simulator"] = seed
    if is_kept:
        options["progress"] = sys.stderr.isatty()
    job = backend.run(compiled, **options)
    if no_wait:
        click.echo(job.job_id())
        return
    if is_kept:
        click.echo(f"Job {job.job_id()} on {backend.name}", err=True)
    print_result(job, as_json=as_json, only_counts=False, timeout=None)


def read_circuit(path: Path) -> QuantumCircuit:
    """Return the circuit of an OpenQASM file, 2 or 3.

    Raises:
        OqtopusOptionError: If it is neither.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    found = re.match(r"\s*OPENQASM\s+(\d)", code)
    version = int(found.group(1)) if found else None
    if version not in (2, 3):
        raise OqtopusOptionError(
            f"{path} is no OpenQASM program: its first statement must be OPENQASM 2.0; or 3.0;"
        )
    try:
        if version == 3:
            circuit = qasm3.loads(text)
        else:
            circuit = qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    except Exception as error:
        message = getattr(error, "message", None) or error
        raise OqtopusOptionError(f"{path} cannot be read: {message}") from error
    circuit.name = path.stem
    return circuit
