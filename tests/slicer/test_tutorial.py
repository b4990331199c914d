"""The tutorial: each of its steps works, and what it names is there."""

import re
from xml.etree import ElementTree

import numpy as np

import builders
from conftest import ROOT
from HRINetResampleLib.panel import presets
from HRINetResampleLib.scene import sample_data
from pages import check_pictures
from panels import UI
from tutorial import Tutorial

PAGE = ROOT / "docs" / "tutorial-slicer.md"


def test_every_step_works(views, open_panel):
    drawn = []
    volume = builders.volume((12, 40, 48), np.diag([-1, -1, 3, 1.0]), name="Sample")
    tutorial = Tutorial(
        views,
        volume,
        lambda number, _widget: drawn.append(number),
        lambda number, rows: drawn.append((number, len(rows))),
    )
    try:
        tutorial.run()
    finally:
        tutorial.widget.cleanup()
    assert drawn == [1, 2, (3, 1), (4, 2), (5, 2)]


def test_controls_that_it_names_are_in_the_panel():
    shown = {each.text for each in ElementTree.parse(UI).iter("string")}
    shown |= {preset.label for preset in presets.PRESETS} | {sample_data.NAME, "Ctrl+Shift+B"}
    named = set(re.findall(r"\*\*([^*]+)\*\*", PAGE.read_text()))
    assert len(named) > 5 and named <= shown, named - shown


def test_pictures_are_numbered_and_there():
    check_pictures(PAGE, "tutorial", 5)


def test_sample_and_its_checksum_are_those_of_the_module():
    text = PAGE.read_text()
    assert sample_data.CT_SHA256 in text and sample_data.NAME in text
