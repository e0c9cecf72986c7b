"""Submission: each program exactly once, whatever becomes of the answers."""

from tests.device_circuits import flip


def test_metadata_keep_their_order_and_names_their_letters(cloud, provider, backend):
    circuit = flip(backend, z=1, a={"y": 1, "b": 2})
    circuit.name = "half \ud800 pair"
    job = backend.run(circuit, shots=5, tags=["\udfff"])
    job.result(timeout=60)
    header = provider.job(job.job_id()).result().results[0].header
    assert header["name"] == "half \ud800 pair"
    assert list(header["metadata"]) == ["z", "a"]
    assert list(header["metadata"]["a"]) == ["y", "b"]
