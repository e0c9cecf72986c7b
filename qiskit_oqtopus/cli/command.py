"""The group of all commands: the account they use, and how errors end."""

from __future__ import annotations

import difflib
import importlib
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click
from qiskit.exceptions import QiskitError

from ..version import __version__

FAILED, INTERRUPTED = 1, 130
"""Exit codes: something went wrong; Ctrl-C. Bad usage is 2, as click has it."""

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "account": ("account", "Save, show and check your account."),
    "devices": ("devices", "List the devices of the account."),
    "calibration": ("devices", "Show or save the calibration of a device."),
    "jobs": ("jobs", "List jobs, the newest first."),
    "status": ("jobs", "Say how a job is."),
    "result": ("jobs", "Wait for a job and print its result."),
    "cancel": ("jobs", "Cancel a job."),
    "run": ("run", "Run an OpenQASM file."),
    "script": ("script", "Run a Python program beside a device."),
    "characterize": ("measure", "Characterize all good qubits of a device."),
    "rabi": ("measure", "Run a Rabi experiment."),
    "emulator": ("emulate", "Run a local OQTOPUS Cloud until Ctrl-C."),
}
"""By name, the module of a command and its help: modules are imported when they are needed."""


@dataclass
class Session:
    """What all commands have in common.

    Attributes:
        url: URL of the API, or None.
        token: The token, or None.
        profile: Section of the account file, or None.
    """

    url: str | None
    token: str | None
    profile: str | None

    @cached_property
    def provider(self) -> Any:
        """The provider of the account."""
        from ..provider import OqtopusProvider

        return OqtopusProvider(self.url, self.token, profile=self.profile)


class _Commands(click.Group):
    """Commands that are imported when they are called, and suggested when they are misspelt."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="qiskit-oqtopus")
@click.option("--url", metavar="URL", help="URL of an OQTOPUS Cloud (else OQTOPUS_URL).")
@click.option("--token", metavar="TOKEN", help="API token (else OQTOPUS_API_TOKEN).")
@click.option("--profile", metavar="NAME", help="Section of the account file.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def commands(
    ctx: click.Context, url: str | None, token: str | None, profile: str | None, debug: bool
) -> None:
    """Devices and jobs of an OQTOPUS Cloud, from a terminal.

    The account comes from these options, from the environment, or from the account file, in this
    order. Without an account, `run --device qulacs`, `rabi` and `emulator` work on this machine.
    """
    ctx.obj = Session(url, token, profile)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run_command(arguments))


def run_command(arguments: list[str]) -> int:
    """Run a command.

    Args:
        arguments: Those of the command line.

    Returns:
        The exit code: 0, 1 if something went wrong, 2 for bad usage, 130 after Ctrl-C.
    """
    debug = "--debug" in arguments
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code = commands.main(arguments, prog_name="qiskit-oqtopus", standalone_mode=False)
            return code if isinstance(code, int) else 0
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.exceptions.Exit as error:
            return error.exit_code
        except (click.Abort, KeyboardInterrupt) as error:
            click.echo(f"Interrupted.{_describe_sent(error)}", err=True)
            return INTERRUPTED
        # QiskitError: ours and those of transpile(); ValueError: matplotlib's, of a file's ending.
        except (QiskitError, OSError, ValueError, ModuleNotFoundError) as error:
            if debug:
                raise
            message = " ".join(str(getattr(error, "message", None) or error).split())
            click.echo(f"Error: {message}{_describe_sent(error)}", err=True)
            return FAILED


def _describe_sent(error: BaseException) -> str:
    """Return which jobs were sent before the end, if any: nothing that has an id is lost."""
    for each in (error, error.__cause__, error.__context__):
        if getattr(each, "job_ids", None) and getattr(each, "group_id", None):
            return f" What was sent is job {each.group_id}."  # type: ignore[union-attr]
    return ""


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning on one line, without the line of code that it is about."""
    click.echo(f"Warning: {' '.join(str(message).split())}", err=True)
