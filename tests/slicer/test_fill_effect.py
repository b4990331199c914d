"""The effect of the Segment Editor that fills between slices, and its work without widgets."""

import importlib
import sys
import time

import numpy as np
import pytest
import slicer

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import filling, resampling, subprocess_client
from standins import segment_editor

SHAPE = (13, 40, 48)


def tube(lean, shape=SHAPE):
    k, j, i = np.indices(shape)
    return (j - 20) ** 2 + (i - 24 - lean * (k - 6)) ** 2 <= 49


def drawn(mask, slices):
    only = np.zeros_like(mask)
    only[slices] = mask[slices]
    return only


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def mask_of(node, segment, reference):
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, reference) > 0


@pytest.fixture
def volume():
    array = 300 * (tube(1.5).astype(np.int16) + tube(-1.5))
    return slicer.util.addVolumeFromArray(array, ijkToRAS=builders.oblique(), name="CT")


@pytest.fixture
def effect(volume):
    """The effect on two segments that cross, each drawn on every fourth slice."""
    segment_editor.install()
    slices = [0, 4, 8, 12]
    masks = {"left": drawn(tube(1.5), slices), "right": drawn(tube(-1.5), slices)}
    node = builders.segmentation(volume, masks)
    sys.modules.pop("HRINetResampleLib.effect.HRINetFillEffect", None)
    module = importlib.import_module("HRINetResampleLib.effect.HRINetFillEffect")
    made = module.HRINetFillEffect(segment_editor.Editor(node, volume))
    made.setMRMLDefaults()
    made.setupOptionsFrame()
    made.updateGUIFromMRML()
    made.node = node
    yield made
    made.reset()


def finish(effect, seconds=30):
    end = time.monotonic() + seconds
    while effect.session.running:
        effect.poll()
        assert time.monotonic() < end
        time.sleep(0.005)


def test_preview_follows_and_apply_keeps_what_was_drawn(effect, volume):
    before = {name: mask_of(effect.node, name, volume) for name in ("left", "right")}
    effect.onPreview()
    assert effect.getPreviewNode() is None, "the work goes on beside"
    finish(effect)
    preview = effect.getPreviewNode()
    assert preview is not None and effect.observed and effect.opacity == 0.6
    assert list(preview.GetSegmentation().GetSegmentIDs()) == ["left", "right"]
    for name, lean in (("left", 1.5), ("right", -1.5)):
        found = mask_of(preview, name, volume)
        assert dice(found, tube(lean)) > 0.85, name
        assert np.array_equal(found[::4], before[name][::4])
        assert np.array_equal(mask_of(effect.node, name, volume), before[name]), "not applied"
    # One more slice is drawn.
    more = drawn(tube(1.5), [0, 2, 4, 8, 12])
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        more.astype(np.uint8), effect.node, "left", volume
    )
    effect.onPreview()
    finish(effect)
    assert effect.getPreviewNode() is preview
    assert np.array_equal(mask_of(preview, "left", volume)[2], tube(1.5)[2])
    expected = {name: mask_of(preview, name, volume) for name in before}
    effect.onApply()
    assert effect.getPreviewNode() is None and len(effect.scriptedEffect.undo) == 1
    for name, mask in expected.items():
        assert np.array_equal(mask_of(effect.node, name, volume), mask), name
    assert (expected["left"] & expected["right"]).any(), "they overlap"
    effect.node.GetSegmentation().DeepCopy(effect.scriptedEffect.undo[0])
    assert np.array_equal(mask_of(effect.node, "left", volume), more)


def test_cancel_changes_nothing(effect, volume):
    before = mask_of(effect.node, "left", volume)
    contents = builders.contents()
    effect.onPreview()
    effect.onCancel()
    effect.poll()
    assert builders.contents() == contents and not effect.session.running
    effect.onPreview()
    finish(effect)
    effect.onCancel()
    assert builders.contents() == contents
    assert np.array_equal(mask_of(effect.node, "left", volume), before)


def test_segments_taper_where_asked(effect, volume):
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        drawn(tube(0), [4, 8]).astype(np.uint8), effect.node, "left", volume
    )
    effect.onPreview()
    finish(effect)
    slices = [mask_of(effect.getPreviewNode(), "left", volume).any((1, 2))]
    effect.taper_box.setChecked(True)
    finish(effect)
    slices.append(mask_of(effect.getPreviewNode(), "left", volume).any((1, 2)))
    assert np.flatnonzero(slices[0]).tolist() == [4, 5, 6, 7, 8]
    assert slices[1][3] and slices[1][9] and slices[1][4:9].all()


def test_hidden_segments_are_left_out_and_none_is_said(effect):
    display = effect.node.GetDisplayNode()
    display.SetSegmentVisibility("right", False)
    effect.onPreview()
    finish(effect)
    assert list(effect.getPreviewNode().GetSegmentation().GetSegmentIDs()) == ["left"]
    effect.onCancel()
    display.SetSegmentVisibility("left", False)
    with pytest.raises(RuntimeError, match="visible"):
        effect.onPreview()


def grid():
    return resampling.Grid(list(SHAPE), builders.oblique().tolist())


def filled(work, image, layers, tapers=False):
    work.start(grid(), image, layers, tapers)
    while not work.finished:
        time.sleep(0.002)
    return work.take()


def test_what_changed_alone_is_filled_again():
    """A further slice, a corrected one, one less: as if everything was filled anew."""
    image = (300 * tube(1.0)).astype(np.float32)
    spans = []

    def run(request, *arrays):
        spans.append(request.slices)
        filling.run(request, *arrays)

    for tapers in (False, True):
        work, states = filling.Filling(run, run), [[0, 4, 8, 12], [0, 4, 6, 8, 12], [0, 6, 8, 12]]
        for slices in states:
            layers = [drawn(tube(1.0), slices).astype(np.uint8) * 3]
            found = filled(work, image, layers, tapers)
            whole = np.empty_like(layers[0])
            filling.run(filling.Request(grid(), tapers, (0, 13)), image, layers[0], whole, None)
            assert np.array_equal(found[0], whole), (tapers, slices)
        before = len(spans)
        filled(work, image, layers, tapers)
        assert len(spans) == before, "nothing has changed"


def test_update_reaches_segments_on_one_slice_alone():
    image = np.zeros(SHAPE, np.float32)
    other = np.roll(tube(0.0), 16, 2)
    alone = drawn(tube(0.0), [6]).astype(np.uint8) * 2
    work = filling.Filling()
    for slices in ([0, 12], [0, 3, 12], [0, 12], []):
        labels = np.where(alone > 0, alone, drawn(other, slices).astype(np.uint8))
        found = filled(work, image, [labels], True)[0]
        whole = np.empty_like(labels)
        filling.run(filling.Request(grid(), True, (0, 13)), image, labels, whole, None)
        assert np.array_equal(found, whole), slices


@pytest.mark.parametrize(
    "slices, span",
    [([3], (1, 7)), ([2], (1, 6)), ([0], (0, 5)), ([12], (9, 13)), ([], None)],
)
def test_a_slice_reaches_over_two_drawn_ones(slices, span):
    before = drawn(np.ones((13, 2, 2), bool), [1, 2, 4, 6, 9, 11]).astype(np.uint8)
    now = before.copy()
    now[slices, 0, 0] += 5
    found = filling.changed_slices(before, now)
    assert (found is None) == (span is None)
    if span is not None:
        assert found[0] <= span[0] and found[1] >= span[1]


def test_subprocess_gives_the_same_voxels():
    image = (300 * tube(1.0)).astype(np.float32)
    labels = drawn(tube(1.0), [0, 4, 8, 12]).astype(np.uint8)
    here, apart = np.empty_like(labels), np.empty_like(labels)
    request = filling.Request(grid(), True, (0, 13))
    filling.run(request, image, labels, here, None)
    subprocess_client.fill(request, image, labels, apart, None)
    assert np.array_equal(here, apart) and here[2].any()


def test_mistakes_are_named():
    labels = np.zeros(SHAPE, np.uint8)
    job = hrinet.FillJob(labels, labels[1:], labels.copy(), builders.oblique())
    with pytest.raises(hrinet.HrinetError, match="48 x 40 x 12"):
        hrinet.fill(job)
