"""Goes through the steps of docs/tutorial-fill.md with the effect, and draws their pictures.

python fill_tutorial.py CT.nii.gz MASK.nii.gz FOLDER     FOLDER/tutorial-fill-1.png and so on

The spleen of MASK, a label map of the CT's structures, stands in for what a person paints.
"""

import importlib
import sys
import time

import numpy as np
import slicer

import builders
import conftest
import pictures_of_ct
from HRINetResampleLib.scene import geometry, volumes
from standins import segment_editor
from standins.layout import LayoutManager, coloured

SPLEEN = 1  # its label
FIRST, GAP, COUNT = 82, 5, 5  # painted slices: first, from one to the next, number
CORRECTED, BETWEEN = 84, 94  # a slice that is painted afterwards, and one to look at
WINDOW, LEVEL = 400, 40  # HU: soft tissue
VIEWS = ("Red", "Green", "Yellow")
COLOUR = (0.9, 0.75, 0.2)
SECONDS = 60


class FillTutorial:
    """The steps, in order, on a volume; `truth` is what a person would paint on every slice."""

    def __init__(self, views, volume, truth, painted, picture):
        """`painted`: slices to paint. `picture(number, rows)`: rows of texts and segmentations."""
        self.views, self.volume, self.truth, self._picture = views, volume, truth, picture
        self._painted = list(painted)
        self._node = builders.segmentation(volume, {"spleen": self._paint()})
        self._node.GetSegmentation().GetSegment("spleen").SetColor(*COLOUR)
        segment_editor.install()
        sys.modules.pop("HRINetResampleLib.effect.HRINetFillEffect", None)
        module = importlib.import_module("HRINetResampleLib.effect.HRINetFillEffect")
        self.effect = module.HRINetFillEffect(segment_editor.Editor(self._node, volume))
        self.effect.setMRMLDefaults()
        self.effect.setupOptionsFrame()
        self.effect.updateGUIFromMRML()

    def run(self, corrected):
        """Goes through all steps; `corrected` is the slice that is painted after the preview."""
        self.paint()
        self.initialize()
        self.correct(corrected)
        self.apply()

    def paint(self):
        """The segment is painted on a few slices."""
        assert np.array_equal(self.mask(self._node), self._paint())
        self._picture(1, [("painted", self._node)])

    def initialize(self):
        """Initialize: the slices between are there, as a preview."""
        self.effect.onPreview()
        self._finish()
        found = self.mask(self.effect.getPreviewNode())
        assert found.any((1, 2))[self._painted[0] : self._painted[-1] + 1].all()
        assert np.array_equal(self.mask(self._node), self._paint()), "nothing is applied yet"
        self._picture(2, [("preview", self.effect.getPreviewNode())])

    def correct(self, corrected):
        """One more slice is painted, and the preview follows."""
        self._painted.append(corrected)
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            self._paint().astype(np.uint8), self._node, "spleen", self.volume
        )
        self.effect.onPreview()
        self._finish()
        found = self.mask(self.effect.getPreviewNode())
        assert np.array_equal(found[corrected], self.truth[corrected])

    def apply(self):
        """Apply keeps the preview, and what was painted as it was."""
        before = builders.segmentation(self.volume, {"spleen": self._paint()}, "Before")
        before.GetSegmentation().GetSegment("spleen").SetColor(*COLOUR)
        expected = self.mask(self.effect.getPreviewNode())
        self.effect.onApply()
        found = self.mask(self._node)
        assert np.array_equal(found, expected) and self.effect.getPreviewNode() is None
        assert np.array_equal(found[self._painted], self.truth[self._painted])
        self._picture(3, [("before", before), ("after", self._node)])

    def mask(self, node):
        """Voxels of the segment."""
        return slicer.util.arrayFromSegmentBinaryLabelmap(node, "spleen", self.volume) > 0

    def dice(self):
        """Dice of the segment and what a person would have painted, between the outer slices."""
        inner = slice(min(self._painted), max(self._painted) + 1)
        found, truth = self.mask(self._node)[inner], self.truth[inner]
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    def _paint(self):
        mask = np.zeros_like(self.truth)
        mask[self._painted] = self.truth[self._painted]
        return mask

    def _finish(self):
        end = time.monotonic() + SECONDS
        while self.effect.session.running:
            self.effect.poll()
            assert time.monotonic() < end
            time.sleep(0.005)


def show(views, node):
    """Puts a segmentation into the views; the label map that shows it."""
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Shown")
    slicer.modules.segmentations.logic().ExportAllSegmentsToLabelmapNode(
        node, labels, slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    )
    for name in VIEWS:
        composite = views.view(name).GetSliceCompositeNode()
        composite.SetLabelVolumeID(labels.GetID())
        composite.SetLabelOpacity(0.6)
    return labels


def main(ct, mask, folder):
    """Draws the pictures of a CT."""
    views = LayoutManager(slicer.app.applicationLogic(), (440, 330))
    volume = builders.read(ct, "HRINetChest")
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)
    truth = volumes.array_of(builders.read(mask, "Structures").GetImageData()) == SPLEEN
    matrix = geometry.matrix_of(volume)
    middle = np.argwhere(truth)[:, ::-1].mean(0)
    for name in VIEWS:
        views.view(name).GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        views.view(name).FitSliceToAll()
        place = matrix @ np.array([*middle[:2], BETWEEN if name == "Red" else middle[2], 1.0])
        view = views.view(name).GetSliceNode()
        view.SetFieldOfView(160, 120, 1)  # mm
        view.JumpSliceByCentering(*place[:3])

    def picture(number, rows):
        tiles = []
        for _text, node in rows:
            labels = show(views, node)
            tiles.append([coloured(views.view(name)) for name in VIEWS])
            slicer.mrmlScene.RemoveNode(labels)
        path = f"{folder}/tutorial-fill-{number}.png"
        columns, texts = ("Axial", "Coronal", "Sagittal"), [text for text, _ in rows]
        pictures_of_ct.save(pictures_of_ct.tiled(tiles), columns, texts, path)

    painted = range(FIRST, FIRST + GAP * COUNT, GAP)
    tutorial = FillTutorial(views, volume, truth, painted, picture)
    tutorial.run(CORRECTED)
    print(f"Dice of the spleen: {tutorial.dice():.3f}")


if __name__ == "__main__":
    conftest.APPLICATION.setStyle("Fusion")
    main(*sys.argv[1:])
