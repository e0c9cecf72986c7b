"""Results of programs become results of PUBs."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qiskit_oqtopus import OqtopusProtocolError
from qiskit_oqtopus.primitives.assembly import assemble, build_bit_arrays

from .records import ESTIMATOR, SAMPLER, build_program


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


@pytest.mark.parametrize(
    ("record", "kind", "data", "missing"),
    [
        (SAMPLER, "sampler", {"estimation": {"exp_value": 1.0, "stds": 0.0}}, "counts"),
        (ESTIMATOR, "estimator", {"estimation": {"exp_value": 1.0, "stds": 0.0}}, "counts"),
        (replace(ESTIMATOR, masks=None), "estimator", {"counts": {"0x0": 10}}, "estimation"),
    ],
)
def test_a_result_of_another_kind_than_its_program_is_for(record, kind, data, missing):
    record = replace(record, sizes=(1,), shape=())
    if kind == "estimator":
        record = replace(record, sets=(), weights=())
    header = build_program(record, kind, index=0, total=1, pub=0).header
    result = ExperimentResult(10, True, ExperimentResultData(**data), header={"job_id": "id"})
    with pytest.raises(OqtopusProtocolError, match=f"job id is for {missing}, and .* has none"):
        assemble({0: (header, result)})
