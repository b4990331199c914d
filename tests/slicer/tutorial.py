"""Goes through the steps of docs/tutorial-slicer.md in the panel, and draws their pictures.

python tutorial.py CT.nii.gz FOLDER     writes FOLDER/tutorial-1.png to tutorial-5.png
"""

import sys

import slicer

import builders
import conftest
import panels
import pictures_of_ct
from HRINetResampleLib.scene.slice_views import AFTER_VIEWS, BEFORE_VIEWS
from panels import node, pump, ready, status_of
from standins.layout import LayoutManager, drawn

WINDOW, LEVEL = 1600, -100  # HU: lung, soft tissue and bone together
MINUTES = 60
# Middle of the views, RAS in mm; that of the axial view is between two slices.
PLACES = {"Red": (40, 10, -171.25), "Green": (50, 10, -160), "Yellow": (3, -60, -160)}


class Tutorial:
    """The steps, in order, on a volume that the slice views show."""

    def __init__(self, views, volume, picture_of_panel, picture_of_views):
        """`picture_of_panel(number, widget)` and `picture_of_views(number, rows)` draw pictures."""
        self.views, self.volume = views, volume
        self._draw_panel, self._draw_views = picture_of_panel, picture_of_views
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)
        for name in views.names():
            views.view(name).GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
            views.view(name).FitSliceToAll()
        self.widget = panels.create()

    def run(self):
        """Goes through all steps."""
        for step in (self.choose, self.check, self.preview, self.compare, self.apply):
            step()

    def choose(self):
        """The panel has chosen the volume; the preset Fast is chosen."""
        ready(self.widget)
        assert node(self.widget).inputVolume is self.volume
        self.widget.ui.presetCombo.setCurrentText("Fast")
        ready(self.widget)
        assert "known slices" in status_of(self.widget)
        self._draw_panel(1, self.widget)

    def check(self):
        """How good is it here?"""
        self.widget.ui.checkButton.click()
        panels.finished(self.widget, 60 * MINUTES)
        assert "left out and made again" in status_of(self.widget)
        self._draw_panel(2, self.widget)

    def preview(self):
        """Preview, in the three views."""
        self.widget.ui.previewButton.click()
        self._wait_for_preview()
        self._draw_views(3, [("preview", BEFORE_VIEWS)])

    def compare(self):
        """Compare, with the preview below."""
        self.widget.ui.compareButton.click()
        assert tuple(self.views.names()) == BEFORE_VIEWS + AFTER_VIEWS
        self._wait_for_preview()
        self._draw_views(4, [("before", BEFORE_VIEWS), ("preview", AFTER_VIEWS)])

    def apply(self):
        """Apply; the views below show the output."""
        ready(self.widget).ui.applyButton.click()
        panels.finished(self.widget, 60 * MINUTES)
        output = node(self.widget).outputVolume
        assert output.GetName() == f"{self.volume.GetName()} HRINet"
        for name in AFTER_VIEWS:
            composite = self.views.view(name).GetSliceCompositeNode()
            assert composite.GetBackgroundVolumeID() == output.GetID()
        self._draw_views(5, [("before", BEFORE_VIEWS), ("after", AFTER_VIEWS)])

    def _wait_for_preview(self):
        def complete():
            words = self.widget.ui.previewLabel.text().split()
            return "of" in words and words[words.index("of") - 1] == words[words.index("of") + 1]

        pump(complete, 60 * MINUTES)


def main(ct, folder):
    """Draws the pictures of a CT."""
    conftest.APPLICATION.setStyle("Fusion")
    views = LayoutManager(slicer.app.applicationLogic(), (440, 330))

    def picture_of_panel(number, widget):
        widget.test_parent.resize(460, 800)
        conftest.APPLICATION.processEvents()
        if not widget.test_parent.grab().save(f"{folder}/tutorial-{number}.png"):
            sys.exit(f"{folder}/tutorial-{number}.png cannot be written")

    def picture_of_views(number, rows):
        tiles = [[drawn(views.view(name)) for name in names] for _, names in rows]
        columns, texts = ("Axial", "Coronal", "Sagittal"), [text for text, _ in rows]
        path = f"{folder}/tutorial-{number}.png"
        pictures_of_ct.save(pictures_of_ct.tiled(tiles), columns, texts, path)

    volume = builders.read(ct, "HRINetChest")
    tutorial = Tutorial(views, volume, picture_of_panel, picture_of_views)
    for name, centre in PLACES.items():
        view = views.view(name).GetSliceNode()
        view.SetFieldOfView(120, 90, 1)  # mm
        view.JumpSliceByCentering(*centre)
    tutorial.run()
    tutorial.widget.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
