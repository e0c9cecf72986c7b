"""A job: what its timeouts say, and what its pickles do not hold."""

import math
import pickle

import pytest

from qiskit_oqtopus import (
    OqtopusJobTimeoutError,
    SamplerV2,
)
from tests.device_circuits import flip


def test_the_words_of_a_timeout(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.2 s"):
        job.wait_for_final_state(0.2)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.3 s"):
        job.wait_for_final_state(0.3, wait=0.1, callback=lambda *_: None)


def test_pickles_hold_no_links(cloud, provider, backend, account):
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    job.result()
    found = provider.job(job.job_id())
    for thing in (backend, job, found, provider):
        assert b"Signature=" not in pickle.dumps(thing)
    restored = pickle.loads(pickle.dumps(found))
    assert restored.result()[0].data.c.get_counts() == {"01": 5}
