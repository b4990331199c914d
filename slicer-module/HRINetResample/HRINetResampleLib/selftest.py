"""The module's own test: runs in Slicer (Reload and Test) and in the repository's tests."""

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from . import hrinet
from .logic import HRINetResampleLogic


class HRINetResampleTest(ScriptedLoadableModuleTest):
    """A thick phantom with a segmentation, made isotropic and back."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_resample, self.test_segmentation, self.test_adapt, self.test_bad_input):
            self.setUp()
            test()

    def thick(self):
        """A bright ball in a dark box: 9 slices 2 mm apart, pixels of 0.5 mm, oblique."""
        k, j, i = np.mgrid[:9, :48, :64]
        inside = ((k - 4) * 2) ** 2 + ((j - 24) / 2) ** 2 + ((i - 32) / 2) ** 2 < 49
        matrix = np.array([[-0.4, -0.3, 0, 10], [0.3, -0.4, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1.0]])
        voxels = np.where(inside, 60, -900).astype(np.int16)
        return slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name="Thick"), inside

    def test_resample(self):
        thick, _inside = self.thick()
        fine = HRINetResampleLogic().resample(thick)
        made, known = slicer.util.arrayFromVolume(fine), slicer.util.arrayFromVolume(thick)
        self.assertEqual(made.shape, (33, 48, 64))
        self.assertTrue(np.array_equal(made[::4], known))
        self.assertAlmostEqual(fine.GetSpacing()[2], 0.5)
        self.assertEqual(fine.GetAttribute("HRINet.Model"), "hrinet-motion")

    def test_segmentation(self):
        thick, inside = self.thick()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Ball")
        node.SetReferenceImageGeometryParameterFromVolumeNode(thick)
        segment = node.GetSegmentation().AddEmptySegment("ball", "Ball", (0.9, 0.2, 0.1))
        slicer.util.updateSegmentBinaryLabelmapFromArray(inside.astype(np.uint8), node, segment, thick)
        logic = HRINetResampleLogic()
        fine = logic.resample(thick, segmentation=node, model="linear")
        brought = slicer.util.arrayFromSegmentBinaryLabelmap(logic.segmentationOf(fine), segment, fine)
        self.assertTrue(np.array_equal(brought[::4] > 0, inside))
        back = logic.toOriginalSlices(logic.segmentationOf(fine), fine)
        returned = slicer.util.arrayFromSegmentBinaryLabelmap(back, segment, thick)
        self.assertTrue(np.array_equal(returned > 0, inside))

    def test_adapt(self):
        waves = 300 * np.sin(np.indices((17, 32, 32)).sum(0) / 4)
        volume = slicer.util.addVolumeFromArray(waves.astype(np.int16), name="Patient")
        logic = HRINetResampleLogic()
        adapted = logic.adapt(volume, axis="k", steps=2)
        try:
            fine = logic.resample(volume, axis="k", spacing="factor", model=adapted.modelPath)
            self.assertEqual(fine.GetAttribute("HRINet.Checksum"), adapted.checksum)
            self.assertAlmostEqual(adapted.gain, adapted.psnrAfter - adapted.psnrBefore)
        finally:
            adapted.discard()

    def test_bad_input(self):
        single = slicer.util.addVolumeFromArray(np.zeros((1, 8, 8), np.int16), name="Single")
        with self.assertRaises(hrinet.HrinetError):
            HRINetResampleLogic().resample(single)
