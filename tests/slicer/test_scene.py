"""Output nodes in the scene; second runs, undo and bad input."""

import numpy as np
import pytest
import slicer
import vtk

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.logic import ResampleChoices
from HRINetResampleLib.scene import volumes


def with_display(node, window=1500, level=-400, colour="vtkMRMLColorTableNodeRed"):
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(colour)
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(window, level)
    display.SetThreshold(-950, 900)
    display.SetApplyThreshold(True)
    return node


def test_output_is_named_after_the_input(logic):
    thick = builders.volume(name="Chest")
    assert logic.resample(thick, model="linear").GetName() == "Chest HRINet"
    assert logic.resample(thick, model="linear").GetName() == "Chest HRINet_1"


def test_choices_can_be_an_object_or_named_fields(logic):
    thick = builders.volume()
    choices = ResampleChoices(model="linear", spacing="factor", factor=3)
    assert builders.array(logic.resample(thick, choices)).shape[0] == 19
    assert builders.array(logic.resample(thick, choices, factor=2)).shape[0] == 13
    assert choices.factor == 3
    with pytest.raises(TypeError, match="colour"):
        logic.resample(thick, colour="red")


def test_display_is_copied_from_the_input(logic):
    thick = with_display(builders.volume())
    display = logic.resample(thick, model="linear").GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (1500, -400)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeRed"
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == (-950, 900)
    assert display.GetApplyThreshold() and not display.GetAutoWindowLevel()


def test_attributes_record_how_the_output_was_made(logic):
    thick = builders.volume()
    fine = logic.resample(thick)
    with hrinet.Model("hrinet-motion", "cpu") as model:
        assert fine.GetAttribute("HRINet.Model") == model.system
        assert fine.GetAttribute("HRINet.Checksum") == model.checksum and len(model.checksum) == 64
    assert fine.GetAttribute("HRINet.Version") == hrinet.version()
    assert fine.GetAttribute("HRINet.Device") == "cpu"
    assert fine.GetAttribute("HRINet.KnownSlices") == "0:0 4:1 8:2 12:3 16:4 20:5 24:6"
    assert volumes.known_slices(fine) == {4 * k: k for k in range(7)}
    assert fine.GetNodeReference("HRINet.Input") is thick


def test_outputs_are_in_the_study_of_the_input(logic):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    thick = builders.volume()
    item = hierarchy.GetItemByDataNode(thick) or hierarchy.CreateItem(study, thick)
    hierarchy.SetItemParent(item, study)
    fine = logic.resample(thick, model="linear", markInterpolated=True)
    for node in (fine, fine.GetNodeReference("HRINet.InterpolatedSlices")):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_second_run_fills_the_same_node(logic):
    thick = builders.volume()
    drawn = builders.segmentation(thick, {"bright": builders.array(thick) > 0})
    choices = {"model": "linear", "segmentation": drawn, "markInterpolated": True}
    fine = logic.resample(thick, **choices)
    fine.GetDisplayNode().SetWindowLevel(77, 7)
    count, name = slicer.mrmlScene.GetNumberOfNodes(), fine.GetName()
    again = logic.resample(thick, outputVolume=fine, spacing="factor", factor=2, **choices)
    assert again is fine and fine.GetName() == name
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert builders.array(fine).shape == (13, 40, 48)
    assert fine.GetDisplayNode().GetWindow() == 77, "the user's window is kept"
    assert fine.GetAttribute("HRINet.KnownSlices").startswith("0:0 2:1")
    marks = fine.GetNodeReference("HRINet.InterpolatedSlices")
    assert builders.array(marks).shape == (13, 40, 48)


def test_undo_restores_the_output(logic):
    scene = slicer.mrmlScene
    scene.SetUndoOn()
    scene.SetMaximumNumberOfSavedUndoStates(10)
    try:
        thick, output = builders.volume(), builders.volume(name="Output", seed=1)
        for node in (thick, output):
            node.SetUndoEnabled(True)
        old = builders.array(output).copy()
        logic.resample(thick, outputVolume=output, model="linear")
        assert builders.array(output).shape == (25, 40, 48)
        assert scene.GetNumberOfUndoLevels() == 1
        scene.Undo()
        restored = scene.GetFirstNodeByName("Output")
        assert np.array_equal(builders.array(restored), old)
        assert np.array_equal(
            builders.array(thick), builders.array(scene.GetFirstNodeByName("Thick"))
        )
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()


def test_undo_removes_new_outputs(logic):
    scene = slicer.mrmlScene
    thick = builders.volume()
    drawn = builders.segmentation(thick, {"bright": builders.array(thick) > 0})
    scene.SetUndoOn()
    try:
        for node in (thick, drawn):
            node.SetUndoEnabled(True)
        before = nodes_by_class()
        logic.resample(thick, model="linear", segmentation=drawn, markInterpolated=True)
        assert nodes_by_class() != before
        scene.Undo()
        assert nodes_by_class() == before
        assert np.array_equal(
            builders.array(scene.GetFirstNodeByName("Thick")), builders.array(thick)
        )
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()


def nodes_by_class():
    return [
        sorted(node.GetName() for node in slicer.util.getNodesByClass(class_name))
        for class_name in (
            "vtkMRMLScalarVolumeNode",
            "vtkMRMLSegmentationNode",
            "vtkMRMLLabelMapVolumeNode",
            "vtkMRMLDisplayNode",
        )
    ]


def test_interpolated_slices_are_marked(logic):
    fine = logic.resample(builders.volume(), model="linear", markInterpolated=True)
    marks = fine.GetNodeReference("HRINet.InterpolatedSlices")
    expected = np.ones((25, 40, 48), np.uint8)
    expected[::4] = 0
    assert np.array_equal(builders.array(marks), expected)
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(builders.world(marks, ijk) - builders.world(fine, ijk)).max() < 1e-9


def test_output_is_shown_in_the_slice_views(logic, app_logic):
    fine = logic.resample(builders.volume(), model="linear", show=True)
    assert app_logic.GetSelectionNode().GetActiveVolumeID() == fine.GetID()


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
)
def test_voxel_type_is_kept(logic, dtype):
    thick = slicer.util.addVolumeFromArray(
        np.random.default_rng(0).integers(0, 100, (4, 32, 32)).astype(dtype),
        ijkToRAS=np.diag([1, 1, 2.0, 1]),
        name="Thick",
    )
    fine = logic.resample(thick, model="linear")
    assert builders.array(fine).dtype == builders.array(thick).dtype
    assert fine.GetImageData().GetScalarType() == thick.GetImageData().GetScalarType()
    assert np.array_equal(builders.array(fine)[::2], builders.array(thick))


def test_linear_voxels_match_the_closed_form(logic):
    """Nothing is changed on the way from and to the scene."""
    thick = builders.volume(dtype=np.float64)
    fine = builders.array(logic.resample(thick, model="linear"))
    known = builders.array(thick)
    for index in range(25):
        k, part = divmod(index, 4)
        blend = known[k] if part == 0 else known[k] * (1 - part / 4) + known[k + 1] * part / 4
        assert np.abs(fine[index] - blend).max() < 1e-6


def empty():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")


def vector():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Colours")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(3, 3)
    node.SetAndObserveImageData(image)
    return node


def infinite():
    node = builders.volume(dtype=np.float32, name="Holes")
    builders.array(node)[2, 3, 4] = np.inf
    return node


def rotated():
    other = builders.volume(matrix=builders.oblique(), name="Rotated")
    matrix = np.diag([0.5, 0.5, 2, 1.0])
    other.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return other


def sheared():
    matrix = np.diag([0.5, 0.5, 2, 1.0])
    matrix[1, 2] = 2.7
    return builders.volume(matrix=matrix, name="Sheared")


@pytest.mark.parametrize(
    "make, choices, said",
    [
        (lambda: None, {}, "choose an input volume"),
        (empty, {}, "Empty has no voxels"),
        (vector, {}, "Colours has 3 components per voxel"),
        (lambda: builders.volume((1, 40, 48)), {}, "single slice"),
        (infinite, {}, r"\(4, 3, 2\): inf"),
        (sheared, {}, "shear|tilt"),
        (builders.volume, {"spacing": "factor", "factor": 0}, "0"),
        (builders.volume, {"spacing": "exact", "spacingMm": -1.0}, "-1"),
        (builders.volume, {"spacing": "wider"}, "'wider' is unknown; choose one of isotropic"),
        (builders.volume, {"axis": "z"}, "'z' is unknown; choose one of auto"),
        (builders.volume, {"spacing": "like"}, "choose"),
        (builders.volume, {"model": "no-such-model"}, "no-such-model"),
        (builders.volume, {"device": "tpu"}, "tpu"),
        (builders.volume, {"allFrames": True}, "does not show a sequence"),
    ],
)
def test_bad_input_is_rejected(logic, make, choices, said):
    node = make()
    if choices.get("spacing") == "like":
        choices = {**choices, "likeVolume": None}
    before = builders.contents()
    with pytest.raises(RuntimeError, match=said):
        logic.resample(node, **choices)
    assert builders.contents() == before


def test_reference_volume_of_another_direction_is_rejected(logic):
    with pytest.raises(RuntimeError, match="parallel|axis|direction"):
        logic.resample(builders.volume(), spacing="like", likeVolume=rotated(), model="linear")


def test_input_as_output_is_rejected(logic):
    thick = builders.volume()
    with pytest.raises(volumes.VolumeError, match="same volume"):
        logic.resample(thick, outputVolume=thick)


def test_input_removed_during_the_job_is_reported(logic):
    thick = builders.volume()
    task = logic.start(thick, model="linear")
    slicer.mrmlScene.RemoveNode(thick)
    task.join()
    before = builders.contents()
    with pytest.raises(volumes.VolumeError, match="removed during the job"):
        task.finish()
    assert builders.contents() == before


def test_output_removed_during_the_job_is_replaced(logic):
    thick, output = builders.volume(), builders.volume(name="Output")
    task = logic.start(thick, outputVolume=output, model="linear")
    slicer.mrmlScene.RemoveNode(output)
    task.join()
    assert task.finish().GetName() == "Thick HRINet"


def test_isotropic_volume_is_copied(logic):
    thick = builders.volume(matrix=np.eye(4))
    fine = logic.resample(thick)
    assert np.array_equal(builders.array(fine), builders.array(thick))


def test_output_survives_saving_and_loading(logic, tmp_path):
    fine = logic.resample(builders.volume(), model="linear")
    writer, reader = (
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode") for _ in range(2)
    )
    for storage in (writer, reader):
        storage.SetFileName(str(tmp_path / "fine.nrrd"))
    assert writer.WriteData(fine)
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Loaded")
    assert reader.ReadData(loaded)
    assert np.array_equal(builders.array(loaded), builders.array(fine))
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(builders.world(loaded, ijk) - builders.world(fine, ijk)).max() < 1e-6


def test_values_that_are_no_hounsfield_units_give_a_warning(logic, caplog):
    thick = builders.volume((3, 40, 48), dtype=np.float32)
    voxels = builders.array(thick)
    voxels[...] = (voxels + 1000) / 2000
    choices = {"model": "hrinet-motion-small", "spacing": "factor", "factor": 2}
    logic.resample(thick, **choices)
    assert "Hounsfield" in caplog.text and "--window" in caplog.text
    caplog.clear()
    fine = logic.resample(thick, window=(0, 1), **choices)
    assert "Hounsfield" not in caplog.text
    assert np.array_equal(builders.array(fine)[::2], voxels)


def test_slices_of_a_series_are_stacked_along_k(logic):
    # Thinner than its pixels are wide, which are not square.
    thin = builders.volume((5, 12, 14), np.diag([0.6, 0.9, 0.5, 1.0]))
    assert logic.resample(thin, model="linear", spacing="factor").GetAttribute(
        "HRINet.SliceAxis"
    ) == ("j")
    thin.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    fine = logic.resample(thin, model="linear", spacing="factor")
    assert fine.GetAttribute("HRINet.SliceAxis") == "k"
    assert builders.array(fine).shape == (9, 12, 14)
