"""The command line."""

import csv
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from qiskit_oqtopus.experiments.__main__ import main

from .conftest import SEED


def test_main(tmp_path, capsys):
    directory = tmp_path / "new" / "directory"
    arguments = ["--seed", str(SEED), "--output", str(directory), "--qubit", "1"]
    assert main(["rabi", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # no bar: this is no terminal
    out = printed.out
    assert (
        f"qubit 1 of qulacs_simulator: 20 amplitudes from 0 to 2, 1000 shots each, seed {SEED}"
        in out
    )
    for name, expected in (("rabi_rate", 0.5), ("pi amplitude", 1.0)):
        value, error = re.search(rf"{name} +([\d.]+)\+/-([\d.]+)", out).groups()
        assert abs(float(value) - expected) < 5 * float(error) < 0.1
    assert re.search(r"reduced chi-squared +[\d.]+\n", out)
    assert re.search(r"quality +good\n", out)
    assert f"wrote                {directory / 'rabi.png'}\n" in out
    assert f"wrote                {directory / 'rabi.csv'}\n" in out
    png = (directory / "rabi.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(png[16:20], "big")
    assert 800 <= width <= 2000

    with (directory / "rabi.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["amplitude", "counts0", "counts1", "p1", "p1_err", "fit"]
    table = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    np.testing.assert_allclose(table["amplitude"], np.linspace(0, 2, 20), atol=1e-8)
    np.testing.assert_array_equal(table["counts0"] + table["counts1"], 1000)
    np.testing.assert_allclose(table["p1"], (table["counts1"] + 0.5) / 1001, atol=1e-5)
    exact = 0.5 - 0.5 * np.cos(np.pi * table["amplitude"])
    # The errors near P = 0 and 1 are those of the measured counts, not of the true probability.
    sigma = np.maximum(table["p1_err"], np.sqrt(exact * (1 - exact) / 1000))
    assert np.all(np.abs(table["p1"] - exact) < 5 * sigma)
    assert np.all(np.abs(table["fit"] - exact) < 0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--amplitudes", "4"], "'num_amplitudes' must be an integer of at least 5"),
        (["--max-amplitude", "nan"], "nan"),
        (["--max-amplitude", "0"], "1 different"),
        (["--shots", "0"], "'shots'"),
        (["--seed", "-1"], "'seed_simulator'"),
        (["--qubit", "99"], "'qubit'"),
    ],
)
def test_main_says_what_is_wrong(arguments, message, tmp_path, capsys):
    assert main(["rabi", "--output", str(tmp_path), *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert list(tmp_path.iterdir()) == []


def test_main_cannot_write(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["rabi", "--output", str(tmp_path / "file")]) == 1
    assert "nothing could be written" in capsys.readouterr().err


@pytest.mark.slow
def test_command_line(tmp_path):
    command = [sys.executable, "-m", "qiskit_oqtopus.experiments", "rabi", "--seed", "3"]
    command += ["--amplitudes", "8", "--shots", "200"]
    process = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert "seed 3" in process.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"rabi.png", "rabi.csv"}
