"""What programs say about their PUB comes back, and nothing impossible is believed."""

from dataclasses import replace

import pytest

from qiskit_oqtopus import OqtopusProtocolError
from qiskit_oqtopus.primitives.pub_record import parse_record
from qiskit_oqtopus.program.program import parse_program

from .records import ESTIMATOR, SAMPLER, build_program


@pytest.mark.parametrize(("record", "kind"), [(SAMPLER, "sampler"), (ESTIMATOR, "estimator")])
def test_records_come_back(record, kind):
    program = build_program(record, kind)
    assert parse_record(parse_program(program.text)) == record
    server = replace(ESTIMATOR, masks=None, weights=())
    assert (
        parse_record(parse_program(build_program(server, "estimator", position=5).text)) == server
    )


def test_the_record_is_part_of_the_digest():
    other = replace(ESTIMATOR, weights=((5, ((0, 0.2), (1, -2.0))),))
    digests = {build_program(record, "estimator").header.sha256 for record in (ESTIMATOR, other)}
    assert len(digests) == 2
    text = build_program(ESTIMATOR, "estimator").text
    with pytest.raises(OqtopusProtocolError, match="not the one"):
        parse_program(text.replace("[0,0.1]", "[0,0.3]"))


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [[2, 1]]},
        {"sizes": [[3, -1]]},
        {"sizes": [[10**12, 0], [3, 1]]},  # no more PUBs than programs
        {"sizes": [[10**12, 1]]},
        {"sizes": None},
        {"shape": [2, 2]},
        {"shape": [-1]},
        {"sets": [0]},
        {"masks": [4, 0]},
        {"masks": [True, 0]},
        {"weights": [[6, [[0, 1.0]]]]},
        {"weights": [[0, [[2, 1.0]]]]},
        {"weights": [[0, [[0, "1.0"]]]]},
        {"precision": "0.1"},
    ],
)
def test_impossible_records_are_refused(change):
    header = build_program(ESTIMATOR, "estimator").header
    with pytest.raises(OqtopusProtocolError, match="cannot be understood"):
        parse_record(replace(header, primitive={**ESTIMATOR.to_json(), **change}))


@pytest.mark.parametrize(
    "change",
    [{"pub": None}, {"pub": 2}, {"pub": 0}, {"position": 3}, {"position": None}, {"total": 4}],
)
def test_impossible_places_are_refused(change):
    header = build_program(ESTIMATOR, "estimator").header
    with pytest.raises(OqtopusProtocolError, match="cannot be understood"):
        parse_record(replace(header, **change))
    with pytest.raises(OqtopusProtocolError, match="missing"):
        parse_record(replace(header, primitive=None))
