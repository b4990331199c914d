"""What the output node is and where it stands; what a second run, undo and bad input do."""

import making
import numpy as np
import pytest
import slicer
import vtk
from HRINetResampleLib import hrinet, volumes


def with_display(node, window=1500, level=-400, colour="vtkMRMLColorTableNodeRed"):
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(colour)
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(window, level)
    display.SetThreshold(-950, 900)
    display.SetApplyThreshold(True)
    return node


def test_named_after_the_input(logic):
    thick = making.volume(name="Chest")
    assert logic.resample(thick, model="linear").GetName() == "Chest HRINet"
    assert logic.resample(thick, model="linear").GetName() == "Chest HRINet_1"


def test_it_looks_like_the_input(logic):
    thick = with_display(making.volume())
    display = logic.resample(thick, model="linear").GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (1500, -400)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeRed"
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == (-950, 900)
    assert display.GetApplyThreshold() and not display.GetAutoWindowLevel()


def test_attributes_say_how_it_was_made(logic):
    thick = making.volume()
    fine = logic.resample(thick)
    with hrinet.Model("hrinet-motion", "cpu") as model:
        assert fine.GetAttribute("HRINet.Model") == model.system
        assert fine.GetAttribute("HRINet.Checksum") == model.checksum and len(model.checksum) == 64
    assert fine.GetAttribute("HRINet.Version") == hrinet.version()
    assert fine.GetAttribute("HRINet.Device") == "cpu"
    assert fine.GetAttribute("HRINet.KnownSlices") == "0:0 4:1 8:2 12:3 16:4 20:5 24:6"
    assert volumes.known_slices(fine) == {4 * k: k for k in range(7)}
    assert fine.GetNodeReference("HRINet.Input") is thick


def test_beside_the_input_in_its_study(logic):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    thick = making.volume()
    item = hierarchy.GetItemByDataNode(thick) or hierarchy.CreateItem(study, thick)
    hierarchy.SetItemParent(item, study)
    fine = logic.resample(thick, model="linear", markSynthetic=True)
    for node in (fine, fine.GetNodeReference("HRINet.SyntheticSlices")):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_a_second_run_fills_the_same_node(logic):
    thick = making.volume()
    drawn = making.segmentation(thick, {"bright": making.array(thick) > 0})
    choices = {"model": "linear", "segmentation": drawn, "markSynthetic": True}
    fine = logic.resample(thick, **choices)
    fine.GetDisplayNode().SetWindowLevel(77, 7)
    count, name = slicer.mrmlScene.GetNumberOfNodes(), fine.GetName()
    again = logic.resample(thick, outputVolume=fine, spacing="factor", factor=2, **choices)
    assert again is fine and fine.GetName() == name
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert making.array(fine).shape == (13, 40, 48)
    assert fine.GetDisplayNode().GetWindow() == 77, "the user's window is the user's"
    assert fine.GetAttribute("HRINet.KnownSlices").startswith("0:0 2:1")
    marks = fine.GetNodeReference("HRINet.SyntheticSlices")
    assert making.array(marks).shape == (13, 40, 48)


def test_undo(logic):
    scene = slicer.mrmlScene
    scene.SetUndoOn()
    scene.SetMaximumNumberOfSavedUndoStates(10)
    try:
        thick, output = making.volume(), making.volume(name="Output", seed=1)
        for node in (thick, output):
            node.SetUndoEnabled(True)
        old = making.array(output).copy()
        logic.resample(thick, outputVolume=output, model="linear")
        assert making.array(output).shape == (25, 40, 48)
        assert scene.GetNumberOfUndoLevels() == 1
        scene.Undo()
        restored = scene.GetFirstNodeByName("Output")
        assert np.array_equal(making.array(restored), old)
        assert np.array_equal(making.array(thick), making.array(scene.GetFirstNodeByName("Thick")))
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()


def test_synthetic_slices_are_marked(logic):
    fine = logic.resample(making.volume(), model="linear", markSynthetic=True)
    marks = fine.GetNodeReference("HRINet.SyntheticSlices")
    expected = np.ones((25, 40, 48), np.uint8)
    expected[::4] = 0
    assert np.array_equal(making.array(marks), expected)
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(making.world(marks, ijk) - making.world(fine, ijk)).max() < 1e-9


def test_shown_in_the_slice_views(logic, app_logic):
    fine = logic.resample(making.volume(), model="linear", show=True)
    assert app_logic.GetSelectionNode().GetActiveVolumeID() == fine.GetID()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32,
                                   np.float32, np.float64])
def test_voxel_types_stay(logic, dtype):
    thick = slicer.util.addVolumeFromArray(
        np.random.default_rng(0).integers(0, 100, (4, 32, 32)).astype(dtype),
        ijkToRAS=np.diag([1, 1, 2.0, 1]), name="Thick",
    )
    fine = logic.resample(thick, model="linear")
    assert making.array(fine).dtype == making.array(thick).dtype
    assert fine.GetImageData().GetScalarType() == thick.GetImageData().GetScalarType()
    assert np.array_equal(making.array(fine)[::2], making.array(thick))


def test_voxels_are_what_the_library_makes(logic):
    """The scene's way in and out changes nothing: against the closed form of the linear blend."""
    thick = making.volume(dtype=np.float64)
    fine = making.array(logic.resample(thick, model="linear"))
    known = making.array(thick)
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


def nan():
    node = making.volume(dtype=np.float32, name="Holes")
    making.array(node)[2, 3, 4] = np.nan
    return node


def turned():
    other = making.volume(matrix=making.oblique(), name="Turned")
    matrix = np.diag([0.5, 0.5, 2, 1.0])
    other.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return other


def sheared():
    matrix = np.diag([0.5, 0.5, 2, 1.0])
    matrix[1, 2] = 0.7
    return making.volume(matrix=matrix, name="Sheared")


@pytest.mark.parametrize("make, choices, said", [
    (lambda: None, {}, "choose an input volume"),
    (empty, {}, "Empty holds no voxels"),
    (vector, {}, "Colours has 3 numbers a voxel"),
    (lambda: making.volume((1, 40, 48)), {}, "single slice"),
    (nan, {}, "NaN"),
    (sheared, {}, "shear|tilt"),
    (making.volume, {"spacing": "factor", "factor": 0}, "0"),
    (making.volume, {"spacing": "exact", "spacingMm": -1.0}, "-1"),
    (making.volume, {"spacing": "wider"}, "'wider'; there are isotropic"),
    (making.volume, {"axis": "z"}, "'z'; there are auto"),
    (making.volume, {"spacing": "like"}, "choose"),
    (making.volume, {"model": "no-such-model"}, "no-such-model"),
    (making.volume, {"device": "tpu"}, "tpu"),
    (making.volume, {"allFrames": True}, "shows no sequence"),
])
def test_bad_input(logic, make, choices, said):
    node = make()
    if choices.get("spacing") == "like":
        choices = {**choices, "likeVolume": None}
    before = making.contents()
    with pytest.raises(RuntimeError, match=said):
        logic.resample(node, **choices)
    assert making.contents() == before


def test_another_direction_is_no_grid(logic):
    with pytest.raises(RuntimeError, match="parallel|axis|direction"):
        logic.resample(making.volume(), spacing="like", likeVolume=turned(), model="linear")


def test_input_as_output_is_refused(logic):
    thick = making.volume()
    with pytest.raises(volumes.VolumeError, match="same volume"):
        logic.resample(thick, outputVolume=thick)


def test_an_input_that_is_removed_meanwhile(logic):
    thick = making.volume()
    task = logic.start(thick, model="linear")
    slicer.mrmlScene.RemoveNode(thick)
    task.join()
    before = making.contents()
    with pytest.raises(volumes.VolumeError, match="removed meanwhile"):
        task.finish()
    assert making.contents() == before


def test_an_output_that_is_removed_meanwhile_is_made_anew(logic):
    thick, output = making.volume(), making.volume(name="Output")
    task = logic.start(thick, outputVolume=output, model="linear")
    slicer.mrmlScene.RemoveNode(output)
    task.join()
    assert task.finish().GetName() == "Thick HRINet"


def test_a_volume_that_is_isotropic_is_copied(logic):
    thick = making.volume(matrix=np.eye(4))
    fine = logic.resample(thick)
    assert np.array_equal(making.array(fine), making.array(thick))


def test_saved_and_loaded_it_is_the_same(logic, tmp_path):
    fine = logic.resample(making.volume(), model="linear")
    writer, reader = (
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode") for _ in range(2)
    )
    for storage in (writer, reader):
        storage.SetFileName(str(tmp_path / "fine.nrrd"))
    assert writer.WriteData(fine)
    loaded = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Loaded")
    assert reader.ReadData(loaded)
    assert np.array_equal(making.array(loaded), making.array(fine))
    for ijk in ((0, 0, 0), (47, 39, 24)):
        assert np.abs(making.world(loaded, ijk) - making.world(fine, ijk)).max() < 1e-6
