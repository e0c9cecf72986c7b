"""The page is that of the kept results."""

from __future__ import annotations

from tests.benchmarks.command import PAGE
from tests.benchmarks.page import page
from tests.benchmarks.results import load


def test_the_page_is_that_of_the_results():
    # If this fails: python -m tests.benchmarks --page
    assert page(list(load().values())) == PAGE.read_text()


def test_the_page_says_what_each_code_is():
    text = PAGE.read_text()
    for name, result in load().items():
        assert not result.goal_lines() or f"**{name.partition('-')[0].capitalize()}**: " in text
