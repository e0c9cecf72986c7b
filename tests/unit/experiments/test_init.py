"""Importing the experiments."""

import subprocess
import sys


def test_import_stays_light():
    code = (
        "import sys, qiskit_oqtopus; qiskit_oqtopus.QulacsBackend;"
        "print([m for m in ('qiskit_experiments', 'matplotlib', 'pandas', 'requests',"
        " 'qiskit_oqtopus.experiments') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert output.strip() == "[]"


def test_import_without_qiskit_experiments():
    code = "import sys; sys.modules['qiskit_experiments'] = None; import qiskit_oqtopus.experiments"
    process = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert 'pip install "qiskit-oqtopus[experiments]"' in process.stderr
