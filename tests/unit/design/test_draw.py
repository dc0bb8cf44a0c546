"""Pictures: well-formed, the same twice, text inside its box, a thousand machines folded and in time."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest

from stackhaven.design.draw import VIEWS, draw
from stackhaven.design.draw.svg import Picture, fitted, width_of, wrapped
from tests.unit.design.test_layouts import FILES, load
from tests.unit.design.test_spof import layout, thousand

pytestmark = pytest.mark.unit

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.parametrize("view", VIEWS)
def test_every_layout_can_be_drawn(path: object, view: str) -> None:
    topology = load(path)[1]  # type: ignore[arg-type]
    text = draw(topology, view)
    root = ElementTree.fromstring(text)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SVG}rect"):
        assert float(box.attrib.get("x", 0)) + float(box.attrib["width"]) <= width
        assert float(box.attrib.get("y", 0)) + float(box.attrib["height"]) <= height
    for label in root.iter(f"{SVG}text"):
        if "text-anchor" not in label.attrib:
            right = float(label.attrib["x"]) + width_of(label.text or "", float(label.attrib["font-size"]))
            assert right <= width + 1, label.text
    assert draw(topology, view) == text


def test_machines_of_a_rack_do_not_overlap() -> None:
    root = ElementTree.fromstring(draw(layout("a-15"), "physical"))
    boxes = [
        tuple(float(r.attrib[k]) for k in ("x", "y", "width", "height"))
        for r in root.iter(f"{SVG}rect")
        if r.attrib.get("width") == "210"
    ]
    assert len(boxes) == 15
    for index, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[index + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_what_is_marked_is_red() -> None:
    topology = layout("a-15")
    assert "#f9c6c0" not in draw(topology, "physical")
    marked = draw(topology, "physical", marked=["controller01", "main/feed-a", "main/r1/sw1"])
    assert marked.count("#f9c6c0") == 1 + 3 + 1


def test_a_thousand_machines_are_folded_by_rack_and_drawn_in_time() -> None:
    topology = thousand()
    begin = time.process_time()
    pictures = {view: draw(topology, view) for view in VIEWS}
    assert time.process_time() - begin < 10
    assert pictures["physical"].count("100 x compute") == 10
    assert len(pictures["physical"]) < 60_000
    root = ElementTree.fromstring(pictures["physical"])
    assert float(root.attrib["width"]) < 1400
    assert float(root.attrib["height"]) < 1400


def test_text_is_cut_before_it_leaves_its_room() -> None:
    assert fitted("controller", 12, 200) == "controller"
    cut = fitted("a-very-long-name-of-a-machine", 12, 80)
    assert cut.endswith("…")
    assert width_of(cut, 12) <= 80
    rows = wrapped([f"service{n}" for n in range(30)], 10, 120, 2)
    assert len(rows) == 2
    assert rows[1].endswith("+27") or "+" in rows[1]
    assert all(width_of(r, 10) <= 121 for r in rows)


def test_names_are_escaped() -> None:
    picture = Picture("a & b")
    picture.text(0, 10, "<c>")
    assert ElementTree.fromstring(picture.svg()).find(f"{SVG}text").text == "<c>"  # type: ignore[union-attr]
