"""Bits of outcomes are packed as Qiskit packs them."""

from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray

from qiskit_oqtopus.primitives.bits import bit_table, pack_bits


@given(st.integers(0, 130), st.data())
def test_bits_are_packed_as_qiskit_packs_them(num_bits, data):
    outcomes = data.draw(st.lists(st.integers(0, 2**num_bits - 1), min_size=1, max_size=5))
    table = bit_table(outcomes, num_bits)
    assert [sum(int(b) << k for k, b in enumerate(row)) for row in table] == outcomes
    columns = data.draw(st.permutations(range(num_bits)))[: data.draw(st.integers(0, num_bits))]
    ours = BitArray(pack_bits(table, columns), len(columns))
    # Qiskit's own packing, of bits in the order lowest first.
    theirs = BitArray.from_bool_array(table[:, columns].astype(bool), order="little")
    assert ours == theirs
