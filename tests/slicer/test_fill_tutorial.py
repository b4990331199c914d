"""The tutorial of the effect: each of its steps works, and what it names is there."""

import numpy as np
import slicer

import builders
from conftest import ROOT
from fill_tutorial import CORRECTED, COUNT, FIRST, GAP, FillTutorial
from HRINetResampleLib.scene import sample_data
from pages import check_pictures

PAGE = ROOT / "docs" / "tutorial-fill.md"


def test_every_step_works(views):
    k, j, i = np.indices((13, 40, 48))
    truth = (j - 20) ** 2 + (i - 18 - k) ** 2 <= 49
    volume = slicer.util.addVolumeFromArray(
        300 * truth.astype(np.int16), ijkToRAS=builders.oblique(), name="CT"
    )
    drawn = []

    def picture(number, rows):
        drawn.append((number, [text for text, _node in rows]))

    tutorial = FillTutorial(views, volume, truth, range(0, 13, 4), picture)
    tutorial.run(6)
    assert drawn == [(1, ["painted"]), (2, ["preview"]), (3, ["before", "after"])]
    assert tutorial.dice() > 0.95


def test_pictures_are_numbered_and_there():
    check_pictures(PAGE, "tutorial-fill", 3)


def test_page_names_sample_effect_and_slices():
    text = PAGE.read_text()
    assert sample_data.CT_SHA256 in text and sample_data.NAME in text
    assert "**Fill between slices (HRINet)**" in text
    places = [-10 - 2.5 * (FIRST + GAP * step) for step in range(COUNT)]
    words = [f"{place:g}" for place in places]
    assert f"S {', '.join(words[:-1])} and {words[-1]}" in text
    assert f"S {-10 - 2.5 * CORRECTED:g}" in text
