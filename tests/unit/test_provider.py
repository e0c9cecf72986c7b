"""The provider: jobs that come while jobs are listed."""

import pytest

from qiskit_oqtopus import OqtopusOptionError, OqtopusProvider
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_jobs_that_come_while_jobs_are_listed():
    with emulator.Emulator(["line-4q"]) as cloud:
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        circuit = flip(device)
        known = [device.run(circuit, shots=1).job_id() for _ in range(105)]
        listed = device.provider.jobs(limit=None)
        found = [next(listed).job_id() for _ in range(50)]
        for _ in range(10):
            device.run(circuit, shots=1)
        found += [job.job_id() for job in listed]
    assert sorted(found) == sorted(known)


@pytest.fixture(scope="module")
def device():
    with emulator.Emulator(["line-4q"]) as cloud:
        yield OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ("night", {"one", "two"}),
        (["night"], {"one", "two"}),
        (["T1", "night"], {"two"}),
        (["nigh"], set()),  # the server finds texts, not words
        (["NIGHT"], set()),
        (["T_"], set()),  # nor does it take it for what it is
        (["100%"], {"three"}),
        ([r"a\b"], {"three"}),
        (["\\"], set()),
        ([], {"one", "two", "three", "four"}),
    ],
)
def test_jobs_are_found_by_their_tags(device, tags, names):
    circuit = flip(device)
    if not list(device.provider.jobs(limit=1)):
        device.run([circuit] * 2, shots=1, name="one", tags=["night"])
        device.run(circuit, shots=1, name="two", tags=["night", "T1"])
        device.run(circuit, shots=1, name="three", tags=["nightly", "100%", r"a\b"])
        device.run(circuit, shots=1, name="four")
    assert {job.name for job in device.provider.jobs(tags=tags)} == names


def test_tags_and_names_are_looked_for_together(device):
    circuit = flip(device)
    device.run(circuit, shots=1, name="alpha", tags=["both"])
    device.run(circuit, shots=1, name="beta", tags=["both"])
    (found,) = device.provider.jobs(tags=["both"], name="alph")
    assert (found.name, found.tags) == ("alpha", ("both",))


def test_tags_that_nothing_can_have_are_refused(device):
    with pytest.raises(OqtopusOptionError, match="commas"):
        device.provider.jobs(tags=["a, b"])
