"""The command that runs the emulator."""

from __future__ import annotations

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: tuple[str, ...]) -> int:
    """Run a local OQTOPUS Cloud until Ctrl-C: `python -m qiskit_oqtopus.emulator`."""
    from ..emulator.__main__ import main

    return main(arguments)
