"""Sequences: the shown frame, or all frames."""

import numpy as np
import slicer

import builders


def sequence(count=3):
    """Browser over `count` volumes, its proxy node, and the voxels."""
    scene = slicer.mrmlScene
    frames = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Beat")
    frames.SetIndexName("time")
    frames.SetIndexUnit("s")
    voxels = []
    for index in range(count):
        volume = builders.volume(seed=index, name="Frame")
        voxels.append(builders.array(volume).copy())
        frames.SetDataNodeAtValue(volume, str(0.5 * index))
        scene.RemoveNode(volume)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    update()
    return browser, browser.GetProxyNode(frames), voxels


def update():
    """Updates the proxy nodes, as the application does by itself."""
    slicer.modules.sequences.logic().UpdateAllProxyNodes()


def test_shown_frame_is_resampled(logic):
    browser, proxy, voxels = sequence()
    browser.SetSelectedItemNumber(1)
    update()
    fine = logic.resample(proxy, model="linear")
    assert np.array_equal(builders.array(fine)[::4], voxels[1])


def test_all_frames_are_resampled(logic):
    browser, proxy, voxels = sequence()
    browser.SetSelectedItemNumber(1)
    update()
    fine = logic.resample(proxy, model="linear", allFrames=True)
    filled = browser.GetSequenceNode(fine)
    assert filled.GetNumberOfDataNodes() == 3
    assert (filled.GetIndexName(), filled.GetIndexUnit()) == ("time", "s")
    assert [filled.GetNthIndexValue(index) for index in range(3)] == ["0", "0.5", "1"] or [
        float(filled.GetNthIndexValue(index)) for index in range(3)
    ] == [0, 0.5, 1]
    for index in range(3):
        node = filled.GetNthDataNode(index)
        assert np.array_equal(builders.array(node)[::4], voxels[index])
        assert (
            np.abs(builders.world(node, (3, 4, 8)) - builders.world(proxy, (3, 4, 2))).max() < 1e-6
        )
    assert np.array_equal(builders.array(fine)[::4], voxels[1])
    for index in (0, 2):
        browser.SetSelectedItemNumber(index)
        update()
        assert np.array_equal(builders.array(fine)[::4], voxels[index]), (
            "the output follows the browser"
        )


def test_second_run_fills_the_same_sequence(logic):
    browser, proxy, voxels = sequence()
    fine = logic.resample(proxy, model="linear", allFrames=True)
    count = slicer.mrmlScene.GetNumberOfNodes()
    logic.resample(
        proxy, outputVolume=fine, model="linear", allFrames=True, spacing="factor", factor=2
    )
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    filled = browser.GetSequenceNode(fine)
    assert filled.GetNumberOfDataNodes() == 3
    assert np.array_equal(builders.array(filled.GetNthDataNode(2))[::2], voxels[2])


def test_progress_counts_all_frames(logic):
    _browser, proxy, _voxels = sequence()
    task = logic.start(proxy, model="linear", allFrames=True)
    task.join()
    assert (task.control.done, task.control.total) == (54, 54)
    task.finish()
