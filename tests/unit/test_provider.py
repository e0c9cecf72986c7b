"""The provider: which jobs are listed, in which order, and which device is the least busy."""

import pickle
import warnings

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    DeviceSnapshot,
    OqtopusBackend,
    OqtopusJobError,
    OqtopusNotFoundError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusWarning,
    SamplerV2,
)
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_jobs_that_come_while_jobs_are_listed():
    with emulator.Emulator(["line-4q"]) as cloud:
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        circuit = flip(device)
        known = [device.run(circuit, shots=1).job_id() for _ in range(105)]

        def send_more(stage, done, total):
            assert (stage, total) == ("jobs", 0)
            if done == 50:
                for _ in range(10):
                    device.run(circuit, shots=1)

        found = [job.job_id() for job in device.provider.jobs(limit=None, progress=send_more)]
    assert set(known) <= set(found), "those that came meanwhile may be there, or not"
    assert len(found) == len(set(found))


@pytest.fixture
def device():
    with (
        emulator.Emulator(["line-4q"]) as cloud,
        OqtopusProvider(url=cloud.url, token=cloud.token) as provider,
    ):
        yield provider.backend("line-4q")


def test_jobs_of_one_second_come_the_newest_first(device):
    circuit = flip(device)
    ids = [device.run([circuit] * (1 + i % 2), shots=1).job_id() for i in range(7)]
    assert [job.job_id() for job in device.provider.jobs(limit=None)] == ids[::-1]
    assert [job.job_id() for job in device.provider.jobs(limit=3)] == ids[:3:-1]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("50%", ["rabi 50%"]),
        ("i_5", ["rabi_50"]),
        ("RABI 5", ["rabi 500", "rabi 50%"]),
        ("i\\5", ["rabi\\50"]),
        ("\\", ["rabi\\50"]),
        ("%", ["rabi 50%"]),
        ("_", ["rabi_50"]),
    ],
)
def test_names_are_searched_literally(device, name, found):
    circuit = flip(device)
    for given in ("rabi 50%", "rabi 500", "rabi_50", "rabi\\50"):
        device.run(circuit, shots=1, name=given)
    listed = device.provider._connection.client.jobs(fields=["name"])
    names = {job.job_id: job.name for job in listed}
    assert [names[job.job_id()] for job in device.provider.jobs(name=name, limit=None)] == found


def test_the_least_busy_device_says_that_simulators_are_left_out():
    simulator = {"device_id": "sim", "device_type": "simulator", "n_qubits": 4}
    with emulator.Emulator([simulator]) as cloud:
        provider = OqtopusProvider(url=cloud.url, token=cloud.token)
        with pytest.raises(OqtopusNotFoundError, match=r"Simulators are left out.*simulator=None"):
            provider.least_busy()
        assert provider.least_busy(simulator=None).name == "sim"
        with pytest.raises(OqtopusNotFoundError) as caught:
            provider.least_busy(simulator=None, min_qubits=5)
        assert "left out" not in str(caught.value)


@pytest.fixture(scope="module")
def tagged():
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
def test_jobs_are_found_by_their_tags(tagged, tags, names):
    circuit = flip(tagged)
    if not list(tagged.provider.jobs(limit=1)):
        tagged.run([circuit] * 2, shots=1, name="one", tags=["night"])
        tagged.run(circuit, shots=1, name="two", tags=["night", "T1"])
        tagged.run(circuit, shots=1, name="three", tags=["nightly", "100%", r"a\b"])
        tagged.run(circuit, shots=1, name="four")
    assert {job.name for job in tagged.provider.jobs(tags=tags)} == names


def test_tags_and_names_are_looked_for_together(tagged):
    circuit = flip(tagged)
    tagged.run(circuit, shots=1, name="alpha", tags=["both"])
    tagged.run(circuit, shots=1, name="beta", tags=["both"])
    (found,) = tagged.provider.jobs(tags=["both"], name="alph")
    assert (found.name, found.tags) == ("alpha", ("both",))


def test_tags_that_nothing_can_have_are_refused(tagged):
    with pytest.raises(OqtopusOptionError, match="commas"):
        tagged.provider.jobs(tags=["a, b"])


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (JobStatus.DONE, 1),
        ("DONE", 1),
        ("done", 1),
        ("succeeded", 1),
        ("CANCELLED", 0),
        ("cancelled", 0),
        ("queued", 0),
        ("submitted", 0),
        ("failed", 1),
        ("error", 1),
        (JobStatus.ERROR, 1),
    ],
)
def test_jobs_are_found_by_status_in_any_words(statuses, status, found):
    jobs = statuses.jobs(status=status)
    assert isinstance(jobs, list)
    assert len(jobs) == found


@pytest.fixture(scope="module")
def statuses():
    with emulator.Emulator(["line-4q"], seed=1) as cloud:
        provider = OqtopusProvider(url=cloud.url, token=cloud.token)
        device = provider.backend("line-4q")
        device.run([flip(device)] * 2, shots=7, name="good", tags=["night"]).result(timeout=60)
        cloud.faults.fail_program()
        with pytest.raises(OqtopusJobError):
            device.run(flip(device), shots=5, name="bad").result(timeout=60)
        yield provider


@pytest.mark.parametrize("status", ["finished", 3, "job has successfully run", ""])
def test_a_status_that_nobody_knows_is_refused_with_those_that_are_known(statuses, status):
    with pytest.raises(OqtopusOptionError, match=r"DONE.*succeeded"):
        statuses.jobs(status=status)


def test_jobs_as_a_table(statuses):
    table = statuses.jobs_table()
    assert table.index.tolist() == [job.job_id() for job in statuses.jobs()]
    assert table["name"].tolist() == ["bad", "good"]
    assert table["status"].tolist() == ["ERROR", "DONE"]
    assert table["circuits"].tolist() == [1, 2]
    assert table["shots"].tolist() == [5, 7]
    assert table["tags"].tolist() == [[], ["night"]]
    assert str(table["created"].dt.tz) == "UTC"
    assert table["execution_time"].dtype == "float64"
    assert statuses.jobs_table(name="nothing").empty
    with pytest.raises(OqtopusOptionError, match="status"):
        statuses.jobs_table(status="finished")


def test_jobs_of_primitives_are_in_the_table(tagged):
    job = SamplerV2(tagged).run([flip(tagged)], shots=3)
    job.result()
    assert repr(job) == f"<PrimitiveJob {job.job_id()} on line-4q: DONE, 1 circuit>"
    row = tagged.provider.jobs_table(limit=1).iloc[0]
    assert (row["device"], row["circuits"], row["shots"]) == ("line-4q", 1, 3)


def test_the_line_to_write_for_a_device():
    for name in ("anemone", "qulacs"):
        for make in (
            lambda name=name: OqtopusBackend(device=name),
            lambda name=name: OqtopusBackend(name),
        ):
            with pytest.raises(OqtopusOptionError) as caught:
                make()
            assert f"OqtopusProvider().backend({name!r})" in str(caught.value)
    with pytest.raises(OqtopusOptionError, match="comes from the provider"):
        OqtopusBackend()


@pytest.fixture
def cloud():
    with emulator.Emulator(["line-4q", "grid-16q"]) as running:
        yield running


def test_each_calibration_that_is_seen_is_kept(cloud, tmp_path):
    kept = tmp_path / "kept"
    for _ in range(2):  # in one process or several
        with OqtopusProvider(url=cloud.url, token=cloud.token, snapshots=kept) as provider:
            assert not kept.exists() or len(list(kept.iterdir())) == 2
            provider.backends()
            device = provider.backend("line-4q")
    assert len(list(kept.iterdir())) == 2
    cloud.devices.set("line-4q", calibrated_at="2026-11-22T22:17:16Z")
    device.refresh()
    pickle.loads(pickle.dumps(device))
    assert len(list(kept.iterdir())) == 3
    snapshot = DeviceSnapshot.load(kept / "line-4q_2026-11-22T22-17-16Z.json")
    assert snapshot == device.snapshot()
    text = "".join(path.read_text() for path in kept.iterdir())
    assert cloud.token not in text


def test_a_folder_of_snapshots_that_cannot_be_written_costs_nothing(cloud, tmp_path):
    (tmp_path / "file").write_text("")
    with OqtopusProvider(url=cloud.url, token=cloud.token, snapshots=tmp_path / "file") as provider:
        with pytest.warns(OqtopusWarning, match="cannot be kept") as caught:
            device = provider.backend("line-4q")
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            provider.backends()
            cloud.devices.set("line-4q", calibrated_at="2026-11-22T22:17:16Z")
            device.refresh()
        assert sum(device.run(flip(device), shots=7).result().get_counts().values()) == 7


def test_what_is_no_folder_of_snapshots():
    with pytest.raises(OqtopusOptionError, match="'snapshots' must be the path"):
        OqtopusProvider(snapshots=3)
