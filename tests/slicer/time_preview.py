"""Time from a change to the picture of both previews, for scripts/dev/time-preview.

Usage: time_preview.py [THREADS]     2 by default

The panel's: a slice view is moved to a place between two other slices of a 512 x 512 CT, and drawn
again once the preview is there. The effect's: a segment is drawn on one more slice of 512 x 512 x
60 voxels, and the view drawn again once the filling is there. Every wait of the module counts. On
a thread of Slicer beside the event loop, whose longest stop is measured, too. Processor time is
that of all threads: on a machine that does other work, it says more than the clock.
"""

import importlib
import sys
import time

import numpy as np
import slicer

import builders
import conftest
import panels
from HRINetResampleLib.compute import preview
from HRINetResampleLib.scene.preview_volume import NAME
from standins import segment_editor
from standins.layout import LayoutManager, drawn

SIZE, SLICES, GAP, SPACING = 512, 60, 6, (0.8, 0.8, 2.5)
REPEATS = 7


class Clock:
    """Processes events until something holds; the time since `start`, and the longest event."""

    def __init__(self):
        self._start, self.longest = time.perf_counter(), 0.0
        self._processor = time.process_time()

    def until(self, holds):
        """Waits until `holds()`."""
        while not holds():
            before = time.perf_counter()
            conftest.APPLICATION.processEvents()
            self.longest = max(self.longest, time.perf_counter() - before)
            assert before - self._start < 600, "timed out"
            time.sleep(0.002)

    def read(self):
        """Seconds since the start: by the clock, and of the processor."""
        return time.perf_counter() - self._start, time.process_time() - self._processor


def volume(slices):
    """Noise around a bright ball."""
    k, j, i = np.ogrid[:slices, :SIZE, :SIZE]
    ball = (j - 250) ** 2 + (i - 260) ** 2 + (4 * (k - slices // 2)) ** 2 <= 100**2
    noise = np.random.default_rng(0).normal(0, 30, (slices, SIZE, SIZE))
    matrix = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    node = slicer.util.addVolumeFromArray(
        (noise + 60 * ball).astype(np.int16), ijkToRAS=matrix, name="CT"
    )
    return node, ball


def panel_preview(views, threads):
    """Seconds of new and of kept places of an axial view, and the longest stop."""
    source, _ = volume(40)
    red = views.view("Red")
    red.GetSliceCompositeNode().SetBackgroundVolumeID(source.GetID())
    for name in ("Green", "Yellow"):  # beside the volume: the axial view alone counts
        views.view(name).GetSliceNode().SetSliceOffset(10000)
    red.FitSliceToAll()
    widget = panels.ready(panels.create())
    widget._preview_section._preview = preview.Preview(threads=threads)
    new, kept, longest = [], [], 0.0

    def shows(offset):
        node = slicer.mrmlScene.GetFirstNodeByName(NAME)
        bounds = [0.0] * 6
        if node is None or node.GetImageData() is None:
            return False
        node.GetRASBounds(bounds)
        return bounds[4] <= offset <= bounds[5]

    widget.ui.previewButton.click()
    for times in (new, kept):
        for step in range(REPEATS):
            offset = SPACING[2] * (4.5 + 4 * step)
            clock = Clock()
            red.SetSliceOffset(offset)
            clock.until(lambda offset=offset: shows(offset))
            drawn(red)
            times.append(clock.read())
            longest = max(longest, clock.longest)
    widget.cleanup()
    return new, kept, longest


def effect_preview(views):
    """Seconds after each newly drawn slice, and the longest stop."""
    slicer.mrmlScene.Clear(0)
    source, ball = volume(SLICES)
    red = views.view("Red")
    red.GetSliceCompositeNode().SetBackgroundVolumeID(source.GetID())
    red.FitSliceToAll()
    painted = list(range(0, SLICES, GAP))
    ball = np.broadcast_to(ball, (SLICES, SIZE, SIZE))

    def masked():
        mask = np.zeros(ball.shape, np.uint8)
        mask[painted] = ball[painted]
        return mask

    node = builders.segmentation(source, {"ball": masked()})
    segment_editor.install()
    effect = importlib.import_module("HRINetResampleLib.effect.HRINetFillEffect").HRINetFillEffect(
        segment_editor.Editor(node, source)
    )
    effect.setMRMLDefaults()
    effect.setupOptionsFrame()
    effect.onPreview()
    Clock().until(lambda: not effect.session.running)
    times, longest = [], 0.0
    for step in range(REPEATS):
        painted.append(GAP * (step + 1) + GAP // 2)
        mask = masked()
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "ball", source)
        clock = Clock()
        # The editor's timer, which the stand-in does not have.
        end = time.perf_counter() + effect.delayedAutoUpdateTimer.interval / 1000
        clock.until(lambda end=end: time.perf_counter() >= end)
        before = time.perf_counter()
        effect.onPreview()
        longest = max(longest, time.perf_counter() - before)
        clock.until(lambda: not effect.session.running)
        drawn(red)
        times.append(clock.read())
        longest = max(longest, clock.longest)
    effect.reset()
    return times, longest


def main(threads="2"):
    """Prints the table of research/notes/segmentations.md."""
    views = LayoutManager(slicer.app.applicationLogic(), (SIZE, SIZE))
    new, kept, stop = panel_preview(views, int(threads))
    filled, fill_stop = effect_preview(views)
    print("| from | to the picture: median (shortest) | processor | longest stop of the window |")
    print("| --- | --- | --- | --- |")
    for text, times, longest in (
        ("a view at another place", new, stop),
        ("a view at a place seen before", kept, stop),
        ("one more drawn slice", filled, fill_stop),
    ):
        clock, processor = 1000 * np.array(times).T
        print(
            f"| {text} | {np.median(clock):.0f} ms ({clock.min():.0f} ms) | "
            f"{np.median(processor):.0f} ms | {1000 * longest:.0f} ms |"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
