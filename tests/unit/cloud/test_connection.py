"""Connections: no signature in a log, no password in a pickle."""

import logging
import pickle

from qiskit_oqtopus import (
    OqtopusProvider,
)
from tests.device_circuits import flip


def test_signatures_of_links_are_in_no_log(cloud, caplog):
    with caplog.at_level(logging.DEBUG):
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        device.run(flip(device), shots=5).result(timeout=60)
    # The emulator, which is the server here, has a log of its own.
    ours = [r for r in caplog.records if r.name.startswith(("urllib3", "qiskit_oqtopus.client"))]
    assert any(r.name.startswith("urllib3") and "device_info" in r.getMessage() for r in ours)
    assert not any("Signature" in r.getMessage() for r in ours)


def test_passwords_of_proxies_are_not_pickled(cloud):
    named = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://me:secret@127.0.0.1:9")
    assert b"secret" not in pickle.dumps(named)
    plain = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://127.0.0.1:9")
    assert b"127.0.0.1:9" in pickle.dumps(plain)
