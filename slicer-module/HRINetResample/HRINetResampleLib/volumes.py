"""Volume nodes: what is read from the input, and how the output is put into the scene."""

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

ATTRIBUTE = "HRINet."
INPUT_ROLE = "HRINet.Input"


class VolumeError(RuntimeError):
    """A volume that cannot be used; the message says why."""


def voxels_of(volume_node):
    """The voxels [k, j, i], not copied."""
    if volume_node is None:
        raise VolumeError("choose an input volume")
    image = volume_node.GetImageData()
    if image is None or image.GetPointData() is None or image.GetPointData().GetScalars() is None:
        raise VolumeError(f"{volume_node.GetName()} holds no voxels")
    if image.GetNumberOfScalarComponents() != 1:
        raise VolumeError(
            f"{volume_node.GetName()} has {image.GetNumberOfScalarComponents()} numbers a voxel; "
            "choose a volume with one, such as a CT"
        )
    return array_of(image)


def array_of(image):
    """The voxels [k, j, i] of a vtkImageData, not copied."""
    array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(tuple(reversed(image.GetDimensions())))


def empty_image(shape, scalar_type):
    """A vtkImageData for voxels [k, j, i] of a VTK type."""
    image = vtk.vtkImageData()
    image.SetDimensions(*(int(side) for side in reversed(shape)))
    image.AllocateScalars(scalar_type, 1)
    return image


def put(node, image, matrix, parent):
    """Gives a node new voxels and a new place; what undo keeps of it holds the old ones."""
    with slicer.util.NodeModify(node):
        node.SetAndObserveImageData(image)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.asarray(matrix)))
        node.SetAndObserveTransformNodeID(parent.GetID() if parent else None)


def look_like(node, source):
    """Window, level, threshold, colours and units of another volume, for a node that is new."""
    node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())
    node.SetVoxelValueUnits(source.GetVoxelValueUnits())
    node.CreateDefaultDisplayNodes()
    display, model = node.GetDisplayNode(), source.GetDisplayNode()
    if display is None or model is None:
        return
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(model.GetColorNodeID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(model.GetWindow(), model.GetLevel())
        display.SetInterpolate(model.GetInterpolate())
        display.SetThreshold(model.GetLowerThreshold(), model.GetUpperThreshold())
        display.SetApplyThreshold(model.GetApplyThreshold())


def put_beside(node, source):
    """Moves a node beside another in the subject hierarchy: into the same study or folder."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if hierarchy is None:
        return
    beside = hierarchy.GetItemByDataNode(source)
    if not beside:
        return
    item = hierarchy.GetItemByDataNode(node)
    parent = hierarchy.GetItemParent(beside)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def describe(node, source, outcome):
    """Writes into the node how it was made."""
    node.SetNodeReferenceID(INPUT_ROLE, source.GetID())
    known = " ".join(f"{made}:{first}" for made, first in sorted(outcome.known.items()))
    for name, value in {
        "Model": outcome.system,
        "Checksum": outcome.checksum,
        "Version": outcome.version,
        "Device": outcome.device,
        "SliceAxis": "ijk"[outcome.axis],
        "KnownSlices": known,
    }.items():
        node.SetAttribute(ATTRIBUTE + name, value)


def known_slices(node):
    """Output slice to input slice, of a volume that was made here; empty for others."""
    pairs = (node.GetAttribute(ATTRIBUTE + "KnownSlices") or "").split()
    return {int(made): int(first) for made, first in (pair.split(":") for pair in pairs)}


def show(node):
    """Shows a volume in the slice views."""
    logic = slicer.app.applicationLogic()
    selection = logic.GetSelectionNode()
    if selection is not None:
        selection.SetActiveVolumeID(node.GetID())
        logic.PropagateVolumeSelection(0)


def look_like_errors(node):
    """Colours, window and units of expected errors in HU, for a node that is new: from nothing, which is
    black, to what one voxel of a hundred exceeds."""
    node.SetVoxelValueUnits(slicer.vtkCodedEntry())
    node.GetVoxelValueUnits().SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is None:
        return
    voxels = array_of(node.GetImageData())
    uncertain = voxels[voxels > 0]
    most = max(1.0, float(np.percentile(uncertain, 99))) if uncertain.size else 1.0
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeIron")
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(most, most / 2)


def mark_synthetic(marks, volume_node, outcome):
    """Fills a label map: 1 in slices that were made, 0 in scanned ones."""
    image = empty_image(outcome.shape, vtk.VTK_UNSIGNED_CHAR)
    array = np.moveaxis(array_of(image), 2 - outcome.axis, 0)
    array[...] = 1
    array[sorted(outcome.known)] = 0
    put(marks, image, outcome.ijk_to_ras, volume_node.GetParentTransformNode())
    if marks.GetDisplayNode() is None:
        marks.CreateDefaultDisplayNodes()
