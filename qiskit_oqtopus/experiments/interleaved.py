"""Interleaved RB of several couplings whose cx happen at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit.circuit.library import CXGate
from qiskit_experiments.library import InterleavedRB
from qiskit_experiments.library.randomized_benchmarking.clifford_utils import (
    CliffordUtils,
    compose_2q,
)

from .cliffords import local_numbers, twirls


class TwirledRB(InterleavedRB):
    """Interleaved RB of a cx, in step with that of other couplings.

    On a device, a coupling that does a cx makes all others wait. So the sequences of all couplings
    are those of one of them, twirled: around each Clifford are random local Cliffords, which cancel
    what the ones before it did to its class. Each sequence by itself is as random as that of
    InterleavedRB, Clifford for Clifford. But all have the same number of cx at the same place, in
    their inverses too, which have the class of the inverse of the whole.

    Args:
        physical_qubits: Control and target.
        lengths: Lengths.
        num_samples: Sequences per length.
        seed: Seed of this coupling.
        leader: Seed of the sequences that all couplings have in common.
    """

    def __init__(
        self,
        physical_qubits: Sequence[int],
        lengths: Sequence[int],
        num_samples: int,
        seed: int,
        leader: int,
    ) -> None:
        super().__init__(CXGate(), physical_qubits, lengths, num_samples=num_samples, seed=seed)
        self._type = InterleavedRB.__name__
        self.set_experiment_options(leader=leader)

    @classmethod
    def _default_experiment_options(cls) -> Any:
        options = super()._default_experiment_options()
        options.update_options(leader=None)
        return options

    def _sample_sequences(self) -> list[Sequence[int]]:
        options = self.experiment_options
        own, leader = np.random.default_rng(options.seed), np.random.default_rng(options.leader)
        local, pairs = local_numbers(), twirls()
        longest = max(options.lengths)
        sequences: list[Sequence[int]] = []
        for _ in range(options.num_samples):
            before = local[int(own.integers(len(local)))]
            sequence = []
            for number in leader.integers(CliffordUtils.NUM_CLIFFORD_2_QUBIT, size=longest):
                after, undone = pairs[int(own.integers(len(pairs)))]
                twirled = compose_2q(compose_2q(before, int(number)), after)
                sequence.append(int(twirled))
                before = undone
            sequences += [sequence[:length] for length in options.lengths]
        return sequences
