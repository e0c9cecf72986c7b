"""What notebooks show: static, escaped, without anything to be loaded."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from qiskit_oqtopus import DeviceSnapshot
from qiskit_oqtopus.drawing.card import build_card, build_table, draw_svg
from tests.devices import chip_device, chip_facts


def snapshot(rows=2, columns=3, **changes):
    facts = chip_facts(rows, columns)
    for name, change in changes.items():
        change(facts[name])
    return DeviceSnapshot.from_device(chip_device(rows, columns), facts)


def parse(html):
    return ElementTree.fromstring(f"<body>{html}</body>")  # noqa: S314 - our own


def test_a_map_has_each_qubit_and_each_coupling_once():
    body = parse(draw_svg(snapshot()))
    svg = body.find("{*}svg")
    assert [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")] == list("012345")
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}line"))) == 7
    titles = [title.text for title in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert any(re.fullmatch(r"Q3: readout error \(%\) [\d.]+", title) for title in titles)


def test_the_colours_are_explained():
    words = "".join(parse(draw_svg(snapshot())).itertext())
    assert "qubits: readout error (%)" in words
    assert "couplings: two-qubit gate error (%)" in words


def test_words_from_the_network_are_escaped():
    evil = '<script>alert("x")</script>'
    html = build_card(evil, {evil: evil, "absent": None}, device=DeviceSnapshot(evil, "QPU", 2))
    assert "<script" not in html
    assert "absent" not in html
    assert "".join(parse(html).itertext()).count(evil) == 3
    assert "<script" not in build_table([evil], [[evil, None]])


def test_what_is_not_known_is_gray():
    def lose(qubits):
        del qubits[1]["meas_error"]

    html = draw_svg(snapshot(qubits=lose))
    assert html.count('fill="#9aa0a6"') == 1
    assert html.count("stroke-dasharray") == 1


@pytest.mark.parametrize("number", [5, 500])
def test_a_device_without_a_calibration(number):
    html = draw_svg(DeviceSnapshot("x", "QPU", number))
    assert html.count("<circle") == (5 if number == 5 else 0)


def test_nothing_is_loaded():
    html = build_card("chip", {"qubits": 6}, device=snapshot())
    assert not re.search(r"src=|href=|url\(|<script|<style|@import", html)
