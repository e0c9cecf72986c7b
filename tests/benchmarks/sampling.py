"""Workloads that are circuits whose counts are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .agreement import Exact, check_counts
from .peers import AGAIN, PEERS
from .workload import Batch, Goal, Workload


def sampling(
    name: str,
    title: str,
    batch: Batch,
    exact: Sequence[np.ndarray],
    goals: Sequence[Goal] = (),
    *,
    again: bool = True,
) -> Workload:
    """Return a workload that all peers may try.

    Args:
        name: Short name.
        title: What it is.
        batch: The circuits and shots.
        exact: The distribution of each circuit, shape (2**k,) for k classical bits.
        goals: The goals.
        again: Whether the same circuits run again are timed as well.
    """
    tasks = {peer: partial(prepare, batch) for peer, prepare in PEERS.items()}
    if not again:
        del tasks[AGAIN]
    check = partial(check_counts, name, [Exact(values) for values in exact], batch.shots)
    return Workload(name, title, tasks, check, goals)
