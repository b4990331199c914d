"""Slice views: what they cross and show, by Slicer's own layout, slice and link logics."""

import numpy as np
import pytest
import slicer

import builders
from HRINetResampleLib.binding import hrinet
from HRINetResampleLib.compute import resampling
from HRINetResampleLib.compute.known_slices import KnownSlices
from HRINetResampleLib.compute.preview import Preview, Slab
from HRINetResampleLib.scene import geometry, slice_views
from HRINetResampleLib.scene.preview_volume import PreviewVolume
from HRINetResampleLib.scene.slice_views import AFTER_VIEWS, BEFORE_VIEWS, BeforeAndAfter
from panels import pump
from standins.layout import drawn

MATRIX = np.array([[-1, 0, 0, 24], [0, -1, 0, 20], [0, 0, 3, -9], [0, 0, 0, 1.0]])


def show(views, volume):
    for name in views.names():
        views.view(name).GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        views.view(name).FitSliceToAll()


def shown(views, name):
    """Background, foreground and opacity of a view."""
    composite = views.view(name).GetSliceCompositeNode()
    background, foreground = composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()
    return background, foreground, composite.GetForegroundOpacity()


def known_slices_of(volume, parent=None):
    grid, _ = geometry.grid_of(volume, parent)
    request = resampling.PlanRequest(grid, np.dtype(np.int16), hrinet.Options(axis="k"))
    with resampling.make_plan(request) as plan:
        return KnownSlices(grid, resampling.outcome_of(plan))


@pytest.mark.parametrize("moved", [False, True], ids=["world", "under a transform"])
def test_spans_of_views(views, moved):
    thick = builders.volume(matrix=MATRIX)
    parent = None
    if moved:
        # The same place in the world, by a transform.
        parent = builders.linear(builders.rigid())
        inverse = np.linalg.inv(builders.rigid()) @ MATRIX
        thick.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(inverse))
        thick.SetAndObserveTransformNodeID(parent.GetID())
    show(views, thick)
    views.view("Red").SetSliceOffset(-9 + 2.5 * 3)
    views.view("Green").GetSliceNode().SetFieldOfView(48, 12, 1)  # mm; four slices high
    views.view("Green").GetSliceNode().SetXYZOrigin(0, 0, 0)
    views.view("Green").GetSliceNode().JumpSliceByCentering(0, 0, 0)
    spans = dict(zip(views.names(), slice_views.spans(known_slices_of(thick, parent), parent)))
    assert np.allclose(spans["Red"], (2.5, 2.5), atol=1e-5)
    assert np.allclose(spans["Green"], (1, 5), atol=1e-5)
    assert np.allclose(spans["Yellow"], (-1, 7), atol=1e-5)  # higher than the volume


def test_preview_is_drawn_over_its_part_alone(views):
    thick = builders.volume(matrix=MATRIX)
    thick.CreateDefaultDisplayNodes()
    thick.GetDisplayNode().SetAutoWindowLevel(False)
    thick.GetDisplayNode().SetWindowLevel(1000, -200)
    show(views, thick)
    before = drawn(views.view("Green"))
    state = BeforeAndAfter()
    state.source, preview = thick, PreviewVolume()
    matrix = MATRIX @ np.diag([1, 1, 1 / 3, 1])  # 1 mm between slices
    matrix[2, 3] = -9 + 2 * 3
    slab = Slab((2, 4), [7, 40, 48], matrix, [((slice(None),) * 3, np.full((7, 40, 48), 300.0))])
    assert preview.show(slab, thick, None)
    assert not preview.show(slab, thick, None)
    state.preview = preview.node
    state.update()
    after = drawn(views.view("Green"))
    # 40 or 48 mm on 120 pixels; the slab is 7 mm high, from z = -3.5 to 3.5 around the middle.
    changed = (after != before).any(axis=1)
    rows = np.flatnonzero(changed)
    side = views.view("Green").GetSliceNode().GetFieldOfView()[1] / 120
    assert abs(len(rows) * side - 7) < 1.5 and np.ptp(rows) == len(rows) - 1
    inside = after[rows[2] : rows[-2], 50:70]
    assert (inside == 255).all()
    state.shows_after = False
    state.update()
    assert np.array_equal(drawn(views.view("Green")), before)
    state.release()
    preview.remove()
    assert shown(views, "Green") == (thick.GetID(), None, 0)


def test_preview_of_a_tilted_gantry_lies_over_the_input(views, logic):
    thick = builders.volume(matrix=MATRIX)
    thick.CreateDefaultDisplayNodes()
    thick.GetDisplayNode().SetAutoWindowLevel(False)
    thick.GetDisplayNode().SetWindowLevel(1000, -200)

    def place(k):  # 0.75 mm backwards with every slice, as Slicer's DICOM import does it
        return (MATRIX @ [0, 0, k, 1])[:3] + [0, -0.75 * k, 0], MATRIX[:3, 0], MATRIX[:3, 1]

    transform = builders.grid_transform(thick, place)
    thick.SetAndObserveTransformNodeID(transform.GetID())
    show(views, thick)
    views.view("Yellow").GetSliceNode().SetFieldOfView(16, 16, 1)
    recipe, parent = logic.previewRecipe(thick, model="linear")
    running = Preview()
    running.ask(recipe)

    def is_complete():
        running.look_at(range(6) if running.known_slices else ())
        return running.poll() is not None and running.progress == (6, 6)

    pump(is_complete)
    before = drawn(views.view("Yellow")).astype(int)
    state, preview = BeforeAndAfter(), PreviewVolume()
    preview.show(running.poll(), thick, parent)
    state.source, state.preview = thick, preview.node
    state.update()
    after = drawn(views.view("Yellow")).astype(int)
    # Slicer interpolates the input by straight lines too.
    assert np.ptp(before) > 100 and np.abs(after - before)[2:-2, 2:-2].mean() < 2
    state.release()
    preview.remove()


def test_preview_is_neither_listed_nor_saved_and_follows_the_window():
    thick = builders.volume(matrix=MATRIX)
    thick.CreateDefaultDisplayNodes()
    thick.GetDisplayNode().SetAutoWindowLevel(False)
    thick.GetDisplayNode().SetWindowLevel(500, 50)
    preview = PreviewVolume()
    preview.follow(thick)  # nothing to do yet
    slab = Slab((0, 1), [4, 40, 48], MATRIX, [((slice(None),) * 3, np.zeros((4, 40, 48)))])
    preview.show(slab, thick, None)
    node = preview.node
    assert node.GetHideFromEditors() and not node.GetSaveWithScene()
    assert not node.GetDisplayNode().GetSaveWithScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert not hierarchy.GetItemByDataNode(node)

    def windows():
        preview.follow(thick)
        displays = (thick.GetDisplayNode(), node.GetDisplayNode())
        return [(display.GetWindow(), display.GetLevel()) for display in displays]

    assert windows() == [(500, 50)] * 2
    thick.GetDisplayNode().SetWindowLevel(900, -100)
    assert windows() == [(900, -100)] * 2
    node.GetDisplayNode().SetWindowLevel(300, 40)  # with the mouse, in a view
    assert windows() == [(300, 40)] * 2 == windows()
    before = node.GetID()
    preview.remove()
    assert slicer.mrmlScene.GetNodeByID(before) is None and preview.node is None
    preview.remove()


def test_views_of_other_volumes_are_left_alone(views):
    thick, other = builders.volume(matrix=MATRIX), builders.volume(matrix=MATRIX, name="Other")
    show(views, thick)
    composite = views.view("Yellow").GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(other.GetID())
    composite.SetForegroundVolumeID(thick.GetID())
    composite.SetForegroundOpacity(0.3)
    state = BeforeAndAfter()
    state.source, state.preview = thick, builders.volume(name="Slab")
    state.update()
    assert shown(views, "Red") == (thick.GetID(), state.preview.GetID(), 1)
    assert shown(views, "Yellow") == (other.GetID(), thick.GetID(), 0.3)
    state.release()
    assert shown(views, "Red") == (thick.GetID(), None, 0)
    assert shown(views, "Yellow") == (other.GetID(), thick.GetID(), 0.3)


def test_foreground_of_the_user_comes_back(views):
    thick, pet = builders.volume(matrix=MATRIX), builders.volume(matrix=MATRIX, name="PET")
    show(views, thick)
    composite = views.view("Red").GetSliceCompositeNode()
    composite.SetForegroundVolumeID(pet.GetID())
    composite.SetForegroundOpacity(0.4)
    state = BeforeAndAfter()
    state.source, state.preview = thick, builders.volume(name="Slab")
    state.update()
    state.update()
    assert shown(views, "Red") == (thick.GetID(), state.preview.GetID(), 1)
    state.preview = None
    state.update()
    assert shown(views, "Red") == (thick.GetID(), pet.GetID(), 0.4)


def test_compare_shows_before_above_after_in_linked_views(views):
    thick, fine = builders.volume(matrix=MATRIX), builders.volume(matrix=MATRIX, name="Fine")
    show(views, thick)
    arrangement = views.node.GetViewArrangement()
    state = BeforeAndAfter()
    state.source, state.output = thick, fine
    state.compare(True)
    state.compare(True)
    assert state.comparing and tuple(views.names()) == BEFORE_VIEWS + AFTER_VIEWS
    for before, after in zip(BEFORE_VIEWS, AFTER_VIEWS):
        assert shown(views, before)[0] == thick.GetID()
        assert shown(views, after)[0] == fine.GetID()
        nodes = [views.view(name).GetSliceNode() for name in (before, after)]
        assert nodes[0].GetOrientation() == nodes[1].GetOrientation()
        assert nodes[0].GetFieldOfView() == nodes[1].GetFieldOfView()
        # Slicer's link logic moves them together.
        logic = views.view(before)
        logic.StartSliceOffsetInteraction()
        logic.SetSliceOffset(4)
        logic.EndSliceOffsetInteraction()
        assert views.view(after).GetSliceOffset() == pytest.approx(4)
    state.shows_after = False
    state.update()
    assert {shown(views, name)[0] for name in AFTER_VIEWS} == {thick.GetID()}
    state.compare(False)
    assert views.node.GetViewArrangement() == arrangement and tuple(views.names()) == BEFORE_VIEWS
    composites = [views.view(name).GetSliceCompositeNode() for name in views.names()]
    assert not any(composite.GetLinkedControl() for composite in composites)


def test_compare_shows_the_preview_below_alone(views):
    thick = builders.volume(matrix=MATRIX)
    show(views, thick)
    state = BeforeAndAfter()
    state.source, state.preview = thick, builders.volume(name="Slab")
    state.update()
    state.compare(True)
    assert {shown(views, name) for name in BEFORE_VIEWS} == {(thick.GetID(), None, 0)}
    slab = state.preview.GetID()
    assert {shown(views, name) for name in AFTER_VIEWS} == {(thick.GetID(), slab, 1)}
    state.compare(False)
    assert {shown(views, name) for name in BEFORE_VIEWS} == {(thick.GetID(), slab, 1)}


def test_toggle_switches_between_input_and_output(views):
    thick, fine = builders.volume(matrix=MATRIX), builders.volume(matrix=MATRIX, name="Fine")
    show(views, fine)
    state = BeforeAndAfter()
    state.source, state.output = thick, fine
    for shows_after, expected in ((False, thick), (True, fine)):
        state.shows_after = shows_after
        state.update()
        assert {shown(views, name)[0] for name in BEFORE_VIEWS} == {expected.GetID()}
