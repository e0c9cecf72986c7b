"""Plans that wait for their turn, packed.

All circuits of a batch are compiled before the first one is run, and a plan takes more memory than
the result will: operations are tuples of objects. Pickled, it takes an eighth: packing and
unpacking take about 6 us a circuit, and the memory of a batch is that of its results.
"""

from __future__ import annotations

import pickle
from typing import NamedTuple

from .noisy_plan import NoisyPlan
from .plan import Plan

UNPACKED = 256
"""So many plans of a batch are left as they are: they are too few to matter."""


class Packed(NamedTuple):
    """A plan, packed.

    Attributes:
        data: The plan, pickled.
        has_counts: Whether the circuit writes any classical bit.
    """

    data: bytes
    has_counts: bool


AnyPlan = Plan | NoisyPlan | Packed


def pack(plan: Plan | NoisyPlan) -> Packed:
    """Return a plan that waits."""
    return Packed(pickle.dumps(plan, pickle.HIGHEST_PROTOCOL), plan.has_counts)


def unpacked(plan: AnyPlan) -> Plan | NoisyPlan:
    """Return a plan that can be run."""
    if not isinstance(plan, Packed):
        return plan
    made: Plan | NoisyPlan = pickle.loads(plan.data)  # noqa: S301 - what pack has made
    return made
