"""Results of programs become results of PUBs."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qiskit_oqtopus import OqtopusProtocolError
from qiskit_oqtopus.primitives.assembly import assemble, build_bit_arrays

from .records import ESTIMATOR, build_program


def test_elements_with_fewer_shots_shorten_the_others():
    elements = [([0, 1], np.array([0, 1, 1, 0])), ([2], np.array([0, 0, 0]))]
    arrays = build_bit_arrays((("c", (0, 1)),), (2,), 2, elements)
    assert arrays["c"].num_shots == 3
    assert arrays["c"][0].get_counts() == {"00": 1, "01": 2}
    assert arrays["c"][1].get_counts() == {"10": 3}


def test_elements_that_no_program_measures_are_refused_before_memory_is_allocated():
    # 10**15 elements would be 8 PB.
    record = replace(ESTIMATOR, sizes=(1,), shape=(10**15,), sets=(1,))
    header = build_program(record, "estimator", index=0, total=1, pub=0).header
    result = ExperimentResult(10, True, ExperimentResultData(counts={"0x0": 10}))
    with pytest.raises(OqtopusProtocolError, match="do not measure"):
        assemble({0: (header, result)})
