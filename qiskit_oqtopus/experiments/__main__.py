"""The command line: ``python -m qiskit_oqtopus.experiments rabi``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..exceptions import OqtopusError
from ..simulator.backend import QulacsBackend
from .demo import find_seed, read_fitted_rate, run_rabi, write_csv, write_figure
from .rabi import pi_amplitude

STAGES = ("run", "fit", "write")
"""What the progress bar counts: a job does not tell how many of its circuits are done."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main_parser = argparse.ArgumentParser(
        prog="python -m qiskit_oqtopus.experiments",
        description="Experiments on the local Qulacs simulator.",
    )
    commands = main_parser.add_subparsers(dest="command", required=True)
    rabi = commands.add_parser(
        "rabi",
        help="a Rabi oscillation of one qubit",
        description="Run a Rabi experiment on one qubit, fit it, and write rabi.png and rabi.csv.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    rabi.add_argument("--amplitudes", type=int, default=20, help="number of amplitudes")
    rabi.add_argument(
        "--max-amplitude", type=float, default=2.0, help="largest amplitude, 1 is a pi rotation"
    )
    rabi.add_argument("--shots", type=int, default=1000, help="shots for each amplitude")
    rabi.add_argument("--seed", type=int, help="seed, to repeat a run; None takes a new one")
    rabi.add_argument("--output", type=Path, default=Path(), help="directory to write to")
    rabi.add_argument("--qubit", type=int, default=0, help="the qubit")
    return main_parser


def run(arguments: argparse.Namespace) -> None:
    """Run the Rabi experiment, write its files and print its results."""
    arguments.output.mkdir(parents=True, exist_ok=True)
    backend = QulacsBackend()
    figure, table = arguments.output / "rabi.png", arguments.output / "rabi.csv"
    # disable=None shows the bar on a terminal only.
    with tqdm(total=len(STAGES), disable=None, bar_format="{l_bar}{bar}|") as bar:

        def on_stage(stage: str) -> None:
            bar.n = STAGES.index(stage)
            bar.set_description(stage)

        data = run_rabi(
            backend,
            qubit=arguments.qubit,
            num_amplitudes=arguments.amplitudes,
            max_amplitude=arguments.max_amplitude,
            shots=arguments.shots,
            seed=arguments.seed,
            on_stage=on_stage,
        )
        on_stage("write")
        write_figure(data, figure)
        write_csv(data, table)
        bar.n = len(STAGES)
        bar.set_description("done")

    fit, pi = read_fitted_rate(data), pi_amplitude(data)
    print(
        f"Rabi on qubit {arguments.qubit} of {backend.name}: {arguments.amplitudes} amplitudes "
        f"from 0 to {arguments.max_amplitude:g}, {arguments.shots} shots each, "
        f"seed {find_seed(data)}"
    )
    print(f"  rabi_rate            {fit.rate:.2u} periods per unit of amplitude")
    print(f"  pi amplitude         {pi:.2u}")
    print(f"  reduced chi-squared  {fit.reduced_chi_squared:.2f}")
    print(f"  quality              {fit.quality}")
    print(f"  wrote                {figure.resolve()}")
    print(f"  wrote                {table.resolve()}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        The exit code: 0, or 1 after an error, which has been printed.
    """
    arguments = build_parser().parse_args(argv)
    try:
        run(arguments)
    except OqtopusError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:  # --output is no directory, or cannot be written to
        print(f"error: nothing could be written to {arguments.output}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
