"""What comes with an import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import qiskit_oqtopus.client

HEAVY = ("requests", "urllib3", "qiskit")


@pytest.mark.parametrize("module", ["client", "client.models", "client.storage", "client.errors"])
def test_the_client_is_light_until_it_is_used(module):
    code = (
        f"import sys; import qiskit_oqtopus.{module}; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"


def test_the_client_needs_no_qiskit():
    code = (
        "import sys; from qiskit_oqtopus.client import Client; "
        "Client('https://x.example', 'token'); print('qiskit' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "False"


def test_public_names():
    for name in qiskit_oqtopus.client.__all__:
        assert getattr(qiskit_oqtopus.client, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = qiskit_oqtopus.client.nothing
