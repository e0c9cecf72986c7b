"""Runs: what is checked, warned of and refused before circuits are sent."""

import contextlib
import warnings

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import (
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusSubmissionError,
    OqtopusWarning,
    SamplerV2,
)
from tests.device_circuits import flip
from tests.parallel import parallel_t1

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_circuits_are_sent_again_under_an_id_of_their_own(cloud, backend):
    cloud.faults.fail_program("bad")
    job = backend.run([flip(backend), flip(backend, name="bad")], shots=5)
    job.result(timeout=60, partial=True)
    cloud.faults.clear()
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match="in use by 2 jobs"):
        job.resubmit(group_id=job.group_id)
    with pytest.raises(OqtopusOptionError, match=r"'memory', 'shots' cannot be given to resubmit"):
        job.resubmit(shots=7, memory=True)
    assert len(cloud.jobs) == before
    again = job.resubmit(group_id="another-id-for-the-failed-one")
    assert again.result(timeout=60).get_counts() == {"01": 5}


def test_a_device_that_does_not_say_when_it_was_calibrated(recwarn):
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", calibrated_at=None)
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            device.run(flip(device), shots=5).result(timeout=60)
    assert not [warning for warning in recwarn if "recalibrated" in str(warning.message)]


def test_warnings_name_the_line_of_the_user():
    with (
        emulator.Emulator(["line-4q"]) as cloud,
        OqtopusProvider(url=cloud.url, token=cloud.token) as provider,
    ):
        device = provider.backend("line-4q")
        circuit = flip(device)
        cloud.devices.set("line-4q", calibrated_at="2030-01-01 00:00:00", status="unavailable")
        for run in (device.run, SamplerV2(device).run):
            with (
                pytest.warns(OqtopusWarning) as caught,
                contextlib.suppress(OqtopusSubmissionError),
            ):
                run([circuit])
            assert {warning.filename for warning in caught} == {__file__}
            assert len(caught) == 2


@pytest.fixture
def grid(cloud, provider):
    cloud.devices.set("grid-16q", device_type="QPU")
    return provider.backend("grid-16q")


def catch(run, *arguments, **options):
    """Return the warnings of a call, which name the line that calls."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        returned = run(*arguments, **options)
    assert {warning.category for warning in caught} <= {OqtopusWarning}
    assert {warning.filename for warning in caught} <= {__file__}
    return returned, [str(warning.message) for warning in caught]


def test_delays_that_a_device_makes_one_after_another(grid):
    circuit = parallel_t1()
    problems, (checked,) = catch(grid.check, [circuit, circuit])
    job, (sent,) = catch(grid.run, [circuit, circuit], shots=5)
    assert (problems, checked) == ([], sent)
    for words in (
        *("delays of qubits 1, 4, 7, 10 are made one after another", "(asked: 140 us)"),
        *("320 us on qubit 1 (asked: 20", "300 us on qubit 4 (asked: 60", "240 us on qubit 7"),
        "In circuit 1 ('t1s')",
    ):
        assert words in sent
    # It is no refusal.
    assert job.result(timeout=60).get_counts(1) == {"1111": 5}
    job, found = catch(SamplerV2(grid).run, [circuit], shots=5)
    assert len(found) == 1
    job.result()


def test_circuits_of_which_the_time_is_no_problem(grid, cloud, provider):
    together = parallel_t1(dict.fromkeys(range(4), 20))
    together.data = [item for item in together.data if item.name != "barrier"]
    assert catch(grid.check, together) == ([], [])
    # The server's transpiler takes no delay, and refused circuits are not looked at.
    problems, found = catch(grid.check, parallel_t1(), transpiler="qiskit")
    assert problems
    assert found == []
    wrong = parallel_t1()
    wrong.reset(0)
    problems, (found,) = catch(grid.check, [wrong, parallel_t1()])
    assert [problem.circuit for problem in problems] == [0]
    assert "In circuit 1" in found
    cloud.devices.set("grid-16q", device_type="simulator")
    assert catch(provider.backend("grid-16q").check, parallel_t1()) == ([], [])


def test_circuits_with_very_many_gates(grid):
    circuit = QuantumCircuit(16, 1, name="long")
    for _ in range(2001):
        circuit.sx(0)
        circuit.rz(0.1, 0)
    circuit.measure(0, 0)
    for options in ({}, {"transpiler": "qiskit"}):
        _, (found,) = catch(grid.check, circuit, **options)
        assert "Circuit 0 ('long') has 4,002 gates. To prepare 3,700" in found
