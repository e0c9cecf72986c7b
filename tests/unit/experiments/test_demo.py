"""A Rabi experiment from start to end."""

import pytest

from qiskit_oqtopus import OqtopusError
from qiskit_oqtopus.experiments import Rabi, demo


def test_run_rabi_repeats_with_the_reported_seed(backend):
    backend.set_options(seed_simulator=None)
    stages = []
    first = demo.run_rabi(backend, num_amplitudes=10, shots=100, on_stage=stages.append)
    assert stages == ["run", "fit"]
    again = demo.run_rabi(backend, num_amplitudes=10, shots=100, seed=demo.find_seed(first))
    other = demo.run_rabi(backend, num_amplitudes=10, shots=100)
    counts = [[datum["counts"] for datum in data.data()] for data in (first, again, other)]
    assert counts[0] == counts[1]
    assert counts[0] != counts[2]


def test_run_rabi_raises_when_circuits_fail(backend, monkeypatch):
    job_class = type(backend.run(Rabi([0]).circuits()))

    def fail(self, timeout=None):
        raise OqtopusError("the machine is on fire")

    monkeypatch.setattr(job_class, "result", fail)
    with pytest.raises(OqtopusError, match=r"(?s)no result.*on fire"):
        demo.run_rabi(backend)


def test_run_rabi_raises_when_the_fit_fails(backend, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("no minimum")

    monkeypatch.setattr("lmfit.minimize", fail)
    with pytest.raises(OqtopusError, match="could not be fitted"):
        demo.run_rabi(backend)
