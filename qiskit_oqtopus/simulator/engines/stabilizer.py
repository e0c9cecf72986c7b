"""Clifford circuits of any width, by stim: Pauli frames beside one shot without noise.

C. Gidney, Stim: a fast stabilizer circuit simulator, Quantum 5 (2021) 497.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..memory import STABILIZER_SHOTS
from ..plan import StabilizerPlan
from ..state import Cancelled, Flag
from .pairing import count_words

Bits = NDArray[np.bool_]


def run_stabilizer(
    plan: StabilizerPlan,
    shots: int,
    generator: np.random.Generator,
    cancelled: Flag | None = None,
) -> tuple[list[int], list[int]]:
    """Run a stabilizer circuit.

    Shots are drawn in blocks, each of which has random numbers that depend on its number alone.

    Args:
        plan: The circuit.
        shots: Number of shots.
        generator: Where the randomness comes from.
        cancelled: Looked at between blocks and pieces.

    Returns:
        Values of the classical bits, and how often each occurred.

    Raises:
        Cancelled: If the flag was set.
    """
    if not plan.bits:
        return [], []
    sampler = _Sampler(plan, int(generator.integers(1 << 63)), cancelled)
    blocks = [
        sampler.draw(block, min(STABILIZER_SHOTS, shots - start))
        for block, start in enumerate(range(0, shots, STABILIZER_SHOTS))
    ]
    counted = count_words(np.concatenate(blocks, axis=1))
    return counted.keys, counted.counts.tolist()


class _Sampler:
    """Draws blocks of shots.

    Args:
        plan: The circuit.
        seed: Seed of all blocks.
        cancelled: Looked at between pieces.
    """

    def __init__(self, plan: StabilizerPlan, seed: int, cancelled: Flag | None) -> None:
        import stim  # most circuits do without it

        self._plan = plan
        self._seed = seed
        self._cancelled = cancelled
        self._stim = stim
        self._circuits = [stim.Circuit(piece.program) for piece in plan.pieces]
        whole = stim.Circuit()
        for circuit in self._circuits:
            whole += circuit
        self._reference: Bits = whole.reference_sample()

    def draw(self, block: int, shots: int) -> NDArray[np.uint64]:
        """Return the classical bits of a block of shots, in words of 64, shape (words, shots)."""
        plan = self._plan
        generator = np.random.Generator(np.random.Philox(key=[self._seed, block]))
        frames = self._stim.FlipSimulator(
            batch_size=shots, num_qubits=plan.num_qubits, seed=int(generator.integers(1 << 63))
        )
        for circuit, piece in zip(self._circuits, plan.pieces, strict=True):
            if self._cancelled is not None and self._cancelled.is_set():
                raise Cancelled
            frames.do(circuit)
            if piece.qubit is not None:
                found = self._reference[list(piece.records)].sum() + np.sum(
                    [frames.get_measurement_flips(record_index=r) for r in piece.records], axis=0
                )
                struck = found % 2 == piece.parity
                drawn = generator.random(shots)
                for pauli, probability in zip("XYZ", piece.probabilities, strict=True):
                    mask = np.zeros((piece.qubit + 1, shots), dtype=bool)
                    mask[piece.qubit] = struck & (drawn >= 0) & (drawn < probability)
                    frames.broadcast_pauli_errors(pauli=pauli, mask=mask)
                    drawn -= probability
        records = [record for _, record in plan.bits]
        flips = frames.get_measurement_flips(bit_packed=True)[records]
        bits = np.unpackbits(flips, axis=1, count=shots, bitorder="little").view(bool)
        bits ^= self._reference[records, None]
        self._misread(bits, generator)
        return _pack([clbit for clbit, _ in plan.bits], bits)

    def _misread(self, bits: Bits, generator: np.random.Generator) -> None:
        """Read bits wrongly, shape (bits, shots)."""
        rows = {clbit: row for row, (clbit, _) in enumerate(self._plan.bits)}
        for clbit, p_one_for_zero, p_zero_for_one in self._plan.misread:
            row = bits[rows[clbit]]
            drawn = generator.random(len(row))
            row ^= drawn < np.where(row, p_zero_for_one, p_one_for_zero)


def _pack(clbits: list[int], bits: Bits) -> NDArray[np.uint64]:
    """Return bits in words of 64.

    Args:
        clbits: The classical bit that each row is.
        bits: Shape (rows, shots).
    """
    words = max(clbits) // 64 + 1
    spread = np.zeros((bits.shape[1], 64 * words), dtype=bool)
    spread[:, clbits] = bits.T
    return np.packbits(spread, axis=1, bitorder="little").view("<u8").T
