"""Circuits as one Python program: its text, what it prints, and what is read of that."""

import json
from dataclasses import replace

import pytest

from qiskit_oqtopus.cloud.sse import batches
from qiskit_oqtopus.cloud.sse.batches import (
    BatchSettings,
    build_python,
    find_size,
    json_size,
    read_programs,
    split_into_batches,
)
from qiskit_oqtopus.cloud.sse.log import NO_LINE, find_mark, read_outcomes
from qiskit_oqtopus.program.header import HeaderError, ProgramHeader
from qiskit_oqtopus.program.program import encode_program, parse_program, with_manifest
from tests.device_circuits import value_circuit

from .inside import INTERPRETERS, run_inside

GROUP = "group-0123456789"
SETTINGS = BatchSettings("line-4q", {"transpiler_lib": None}, {})


def programs(*names, shots=100):
    """Return programs, of which the driver does what their names say."""
    return [
        encode_program(
            value_circuit(1, name),
            ProgramHeader(group=GROUP, index=index, total=len(names), shots=shots),
        )
        for index, name in enumerate(names)
    ]


def run(folder, *names, python=INTERPRETERS[0], **settings):
    """Return the outcomes of circuits, and what is left as the result of the program."""
    text = build_python(programs(*names), replace(SETTINGS, **settings)).text
    log, left = run_inside(folder, text, python)
    outcomes = read_outcomes(log, find_mark(GROUP), len(names))
    return outcomes, left and json.loads(left)


COUNTS = {"sampling": {"counts": {"1": 100}, "divided_counts": None}}


@pytest.mark.parametrize("python", INTERPRETERS)
def test_each_circuit_has_an_outcome(tmp_path, python):
    names = ("first", "bad", "noisy", "名前", "void", "last")
    outcomes, left = run(tmp_path, *names, python=python, mitigation_info={"a": 1})
    assert [outcome.answer for outcome in outcomes] == [
        *(COUNTS, None, COUNTS, COUNTS, None, COUNTS),
    ]
    assert outcomes[0].mitigation == {"a": 1}
    assert outcomes[1].reason.startswith("RuntimeError: To execute sampling on OQTOPUS server")
    assert outcomes[4].reason == "RuntimeError: the engine has returned no result"
    assert not any(outcome.is_lost for outcome in outcomes)
    assert left["calls"] == list(names)


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("bad", "good"), ("succeeded", 2, 100)),  # the last one
        (("good", "better", "bad", "bad again"), ("succeeded", 2, 100)),  # the last good one
        # Its file cannot be written: the last good one has run once more, with one shot.
        (("good", "better", "bad locked"), ("succeeded", 4, 1)),
        (("bad", "bad again"), ("failed", 2, 100)),
    ],
)
def test_the_last_good_circuit_decides(tmp_path, names, left):
    outcomes, found = run(tmp_path, *names)
    assert [outcome.answer is not None for outcome in outcomes] == ["bad" not in n for n in names]
    assert (found["status"], len(found["calls"]), found["shots"]) == left


def test_a_program_stops_before_its_limit(tmp_path):
    outcomes, _ = run(tmp_path, "slow", "slow", "slow", "slow", seconds=1.0)
    assert [outcome.answer is not None for outcome in outcomes] == [True, True, False, False]
    assert outcomes[2].reason == "it did not run: the program has stopped before its limit of 1 s"
    assert not outcomes[2].is_lost


def test_a_log_that_is_cut(tmp_path):
    text = build_python(programs("one", "two", "three"), SETTINGS).text
    log, _ = run_inside(tmp_path, text)
    marked = log.split(find_mark(GROUP))
    begins_late = find_mark(GROUP).join(["", marked[1][9:], *marked[2:]])
    ends_early = log.rstrip()[:-1]
    for cut, missing in ((begins_late, 0), (ends_early, 2), (log[len(log) // 2 :], 0)):
        outcomes = read_outcomes(cut, find_mark(GROUP), 3)
        assert outcomes[missing].answer is None
        assert outcomes[missing].is_lost
        assert outcomes[missing].reason == NO_LINE
        assert outcomes[1].answer in (COUNTS, None)
    assert all(each.is_lost for each in read_outcomes("", find_mark(GROUP), 3))
    # What others print is no outcome, whatever it looks like.
    forged = f"{log}{find_mark(GROUP)} 1 0/1 4 {'0' * 64} abcd\r\n{find_mark(GROUP)} x\r\n"
    assert [each.answer for each in read_outcomes(forged, find_mark(GROUP), 3)] == 3 * [COUNTS]


def test_many_counts_are_several_lines(tmp_path):
    text = build_python(programs("one"), SETTINGS).text.replace("WIDTH = 4000", "WIDTH = 20")
    log, _ = run_inside(tmp_path, text)
    assert log.count(find_mark(GROUP)) > 3
    assert read_outcomes(log, find_mark(GROUP), 1)[0].answer == COUNTS


def test_the_text_says_what_it_is():
    given = programs("one", "two", "three")
    python = build_python(given[1:], SETTINGS)
    *_, last = python.text.splitlines()
    assert last.startswith('# qiskit-oqtopus {"calibrated_at"')
    header = parse_program(python.text)
    assert header == python.header
    assert (header.index, header.circuits, header.total, header.shots) == (1, 2, 3, 100)
    assert read_programs(python.text) == [program.text for program in given[1:]]
    headed = with_manifest(python, ((1, "id", "digest"),))
    assert parse_program(headed.text).manifest == ((1, "id", "digest"),)
    assert headed.text.endswith("}\n")
    for broken in ("", 'DATA = "abc"\n', python.text.replace('DATA = "', 'DATA = "0000')):
        with pytest.raises(HeaderError):
            read_programs(broken)


def test_batches_are_as_long_as_size_and_time_allow():
    given = programs(*map("circuit-{}".format, range(60)))
    assert [len(batch) for batch in split_into_batches(given, SETTINGS)] == [60]
    by_time = replace(SETTINGS, seconds=10.0, seconds_per_circuit=0.5)
    assert [len(batch) for batch in split_into_batches(given, by_time)] == [20, 20, 20]
    by_size = replace(SETTINGS, max_bytes=find_size(given[0], SETTINGS) + 200)
    found = list(split_into_batches(given, by_size))
    assert [program for batch in found for program in batch] == given
    assert 2 < len(found) < 60
    for batch in found:
        assert json_size(build_python(batch, by_size).text) <= by_size.max_bytes
    # From the beginning of any batch, they are the same.
    left = given[len(found[0]) :]
    assert list(split_into_batches(left, by_size)) == found[1:]


def test_what_a_program_unpacks_fits_into_the_container(monkeypatch):
    given = programs(*map("circuit-{}".format, range(10)))
    monkeypatch.setattr(batches, "MAX_TEXT", 3 * len(given[0].text) + 500)
    assert [len(batch) for batch in split_into_batches(given, SETTINGS)] == [3, 3, 3, 1]
