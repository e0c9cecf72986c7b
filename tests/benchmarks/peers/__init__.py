"""The simulators that are compared, one a file; a new one is listed here."""

from __future__ import annotations

from . import aer, basic_simulator, qulacs_backend, raw, statevector_sampler
from .peer import Peer

OURS = "ours"

PEERS: dict[str, Peer] = {
    OURS: Peer(qulacs_backend.prepare),
    "raw": Peer(raw.prepare),
    "aer": Peer(aer.prepare),
    "basic": Peer(basic_simulator.prepare),
    "sampler": Peer(statevector_sampler.prepare),
}

DEFAULT_PEERS = ("raw", "aer")
