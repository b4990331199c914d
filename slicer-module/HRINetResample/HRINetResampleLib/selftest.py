"""Self-test of the module: runs in Slicer (Reload and Test) and in the repository's tests."""

import numpy as np
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from .binding import hrinet
from .logic import HRINetResampleLogic


class HRINetResampleTest(ScriptedLoadableModuleTest):
    """Resamples a phantom with thick slices and a segmentation, and the segmentation back."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (
            self.test_known_slices_are_kept,
            self.test_segmentation_is_resampled_and_back,
            self.test_fine_tuned_model_is_used,
            self.test_single_slice_is_rejected,
        ):
            self.setUp()
            test()

    def thick_volume(self):
        """A bright ball in a dark box, and its mask: 9 oblique slices 2 mm apart, 0.5 mm pixels."""
        k, j, i = np.mgrid[:9, :48, :64]
        inside = ((k - 4) * 2) ** 2 + ((j - 24) / 2) ** 2 + ((i - 32) / 2) ** 2 < 49
        matrix = np.array([[-0.4, -0.3, 0, 10], [0.3, -0.4, 0, 20], [0, 0, 2, -30], [0, 0, 0, 1.0]])
        voxels = np.where(inside, 60, -900).astype(np.int16)
        return slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name="Thick"), inside

    def test_known_slices_are_kept(self):
        thick, _inside = self.thick_volume()
        fine = HRINetResampleLogic().resample(thick)
        output, known = slicer.util.arrayFromVolume(fine), slicer.util.arrayFromVolume(thick)
        self.assertEqual(output.shape, (33, 48, 64))
        self.assertTrue(np.array_equal(output[::4], known))
        self.assertAlmostEqual(fine.GetSpacing()[2], 0.5)
        self.assertEqual(fine.GetAttribute("HRINet.Model"), "hrinet-motion")

    def test_segmentation_is_resampled_and_back(self):
        thick, inside = self.thick_volume()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Ball")
        node.SetReferenceImageGeometryParameterFromVolumeNode(thick)
        segment = node.GetSegmentation().AddEmptySegment("ball", "Ball", (0.9, 0.2, 0.1))
        mask = inside.astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, thick)
        logic = HRINetResampleLogic()
        fine = logic.resample(thick, segmentation=node, model="linear")
        fine_node = logic.segmentationOf(fine)
        fine_mask = slicer.util.arrayFromSegmentBinaryLabelmap(fine_node, segment, fine)
        self.assertTrue(np.array_equal(fine_mask[::4] > 0, inside))
        back = logic.toOriginalSlices(fine_node, fine)
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(back, segment, thick)
        self.assertTrue(np.array_equal(mask > 0, inside))

    def test_fine_tuned_model_is_used(self):
        waves = 300 * np.sin(np.indices((17, 32, 32)).sum(0) / 4)
        volume = slicer.util.addVolumeFromArray(waves.astype(np.int16), name="Patient")
        logic = HRINetResampleLogic()
        model = logic.fineTune(volume, axis="k", steps=2)
        try:
            fine = logic.resample(volume, axis="k", spacing="factor", model=model.modelPath)
            self.assertEqual(fine.GetAttribute("HRINet.Checksum"), model.checksum)
            self.assertAlmostEqual(model.gain, model.psnrAfter - model.psnrBefore)
        finally:
            model.discard()

    def test_single_slice_is_rejected(self):
        single = slicer.util.addVolumeFromArray(np.zeros((1, 8, 8), np.int16), name="Single")
        with self.assertRaises(hrinet.HrinetError):
            HRINetResampleLogic().resample(single)
