"""States are returned over all qubits of a circuit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qiskit_oqtopus.simulator.engines.run import expand


@given(st.integers(1, 5), st.data())
def test_expand_puts_qubits_in_their_places(n, data):
    qubits = tuple(data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n))])
    amplitudes = np.arange(1, 2 ** len(qubits) + 1) * (1 + 2j)
    found = expand(amplitudes, qubits, n)
    expected = np.zeros(2**n, dtype=complex)
    for index, amplitude in enumerate(amplitudes):
        expected[sum(((index >> j) & 1) << q for j, q in enumerate(qubits))] = amplitude
    np.testing.assert_array_equal(found, expected)
