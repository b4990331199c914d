"""Sequences: the frame that is shown, or all of them."""

import making
import numpy as np
import slicer


def sequence(count=3):
    """A browser over `count` volumes; its proxy node; the voxels."""
    scene = slicer.mrmlScene
    frames = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Beat")
    frames.SetIndexName("time")
    frames.SetIndexUnit("s")
    voxels = []
    for index in range(count):
        volume = making.volume(seed=index, name="Frame")
        voxels.append(making.array(volume).copy())
        frames.SetDataNodeAtValue(volume, str(0.5 * index))
        scene.RemoveNode(volume)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    update()
    return browser, browser.GetProxyNode(frames), voxels


def update():
    """In the application the sequences' logic does this by itself."""
    slicer.modules.sequences.logic().UpdateAllProxyNodes()


def test_the_frame_that_is_shown(logic):
    browser, proxy, voxels = sequence()
    browser.SetSelectedItemNumber(1)
    update()
    fine = logic.resample(proxy, model="linear")
    assert np.array_equal(making.array(fine)[::4], voxels[1])


def test_all_frames(logic):
    browser, proxy, voxels = sequence()
    browser.SetSelectedItemNumber(1)
    update()
    fine = logic.resample(proxy, model="linear", allFrames=True)
    made = browser.GetSequenceNode(fine)
    assert made.GetNumberOfDataNodes() == 3
    assert (made.GetIndexName(), made.GetIndexUnit()) == ("time", "s")
    assert [made.GetNthIndexValue(index) for index in range(3)] == ["0", "0.5", "1"] or \
        [float(made.GetNthIndexValue(index)) for index in range(3)] == [0, 0.5, 1]
    for index in range(3):
        node = made.GetNthDataNode(index)
        assert np.array_equal(making.array(node)[::4], voxels[index])
        assert np.abs(making.world(node, (3, 4, 8)) - making.world(proxy, (3, 4, 2))).max() < 1e-6
    assert np.array_equal(making.array(fine)[::4], voxels[1])
    for index in (0, 2):
        browser.SetSelectedItemNumber(index)
        update()
        assert np.array_equal(making.array(fine)[::4], voxels[index]), "it follows the browser"


def test_all_frames_again(logic):
    browser, proxy, voxels = sequence()
    fine = logic.resample(proxy, model="linear", allFrames=True)
    count = slicer.mrmlScene.GetNumberOfNodes()
    logic.resample(proxy, outputVolume=fine, model="linear", allFrames=True, spacing="factor", factor=2)
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    made = browser.GetSequenceNode(fine)
    assert made.GetNumberOfDataNodes() == 3
    assert np.array_equal(making.array(made.GetNthDataNode(2))[::2], voxels[2])


def test_progress_runs_over_all_frames(logic):
    _browser, proxy, _voxels = sequence()
    task = logic.start(proxy, model="linear", allFrames=True)
    task.join()
    assert (task.control.done, task.control.total) == (54, 54)
    task.finish()
