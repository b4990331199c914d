"""Volume nodes: reading the input, and filling and displaying the output."""

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

ATTRIBUTE = "HRINet."
INPUT_ROLE = "HRINet.Input"


class VolumeError(RuntimeError):
    """A volume that cannot be used; the message says why."""


def voxels_of(volume_node):
    """View of the voxels [k, j, i]; raises if the node is no scalar volume with voxels."""
    if volume_node is None:
        raise VolumeError("choose an input volume")
    image = volume_node.GetImageData()
    if image is None or image.GetPointData() is None or image.GetPointData().GetScalars() is None:
        raise VolumeError(f"{volume_node.GetName()} has no voxels")
    components = image.GetNumberOfScalarComponents()
    if components != 1:
        raise VolumeError(
            f"{volume_node.GetName()} has {components} components per voxel; "
            "choose a volume with one, such as a CT"
        )
    return array_of(image)


def slice_axis_of(volume_node, axis):
    """The axis itself; for "auto" that of a DICOM series, whose slices Slicer stacks along k."""
    is_series = volume_node.GetAttribute("DICOM.instanceUIDs")
    return "k" if axis == "auto" and is_series else axis


def stamp_of(volume_node):
    """Value that changes when the voxels of a volume change."""
    image = volume_node.GetImageData()
    return volume_node.GetID(), image and image.GetMTime()


def array_of(image):
    """View of the voxels [k, j, i] of a vtkImageData."""
    array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(tuple(reversed(image.GetDimensions())))


def empty_image(shape, scalar_type):
    """Allocates a vtkImageData for voxels [k, j, i] of a VTK scalar type."""
    image = vtk.vtkImageData()
    image.SetDimensions(*(int(side) for side in reversed(shape)))
    image.AllocateScalars(scalar_type, 1)
    return image


def fill(node, image, ijk_to_ras, parent):
    """Sets voxels, geometry and parent transform of a node.

    The image data is replaced, not overwritten: an undo copy of the node keeps the earlier one.
    """
    with slicer.util.NodeModify(node):
        node.SetAndObserveImageData(image)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.asarray(ijk_to_ras)))
        node.SetAndObserveTransformNodeID(parent.GetID() if parent else None)


def copy_display(node, source):
    """Copies window, level, threshold, colours and units from another volume to a new node."""
    node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())
    node.SetVoxelValueUnits(source.GetVoxelValueUnits())
    node.CreateDefaultDisplayNodes()
    display, original = node.GetDisplayNode(), source.GetDisplayNode()
    if display is None or original is None:
        return
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(original.GetColorNodeID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(original.GetWindow(), original.GetLevel())
        display.SetInterpolate(original.GetInterpolate())
        display.SetThreshold(original.GetLowerThreshold(), original.GetUpperThreshold())
        display.SetApplyThreshold(original.GetApplyThreshold())


def set_expected_error_display(node):
    """Sets colours, window and units of a new volume of expected errors in HU.

    Black is 0, the top of the scale is exceeded by 1 % of the non-zero voxels.
    """
    node.SetVoxelValueUnits(slicer.vtkCodedEntry())
    node.GetVoxelValueUnits().SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is None:
        return
    voxels = array_of(node.GetImageData())
    uncertain = voxels[voxels > 0]
    top = max(1.0, float(np.percentile(uncertain, 99))) if uncertain.size else 1.0
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeIron")
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(top, top / 2)


def move_beside(node, source):
    """Moves a node into the study or folder of another one in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if hierarchy is None:
        return
    source_item = hierarchy.GetItemByDataNode(source)
    if not source_item:
        return
    item = hierarchy.GetItemByDataNode(node)
    parent = hierarchy.GetItemParent(source_item)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def describe(node, source, outcome):
    """Records in the node's attributes how it was made."""
    node.SetNodeReferenceID(INPUT_ROLE, source.GetID())
    known = " ".join(f"{output}:{input_}" for output, input_ in sorted(outcome.known.items()))
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
    """Input slice of each known output slice, as `describe` recorded it; empty for other nodes."""
    pairs = (node.GetAttribute(ATTRIBUTE + "KnownSlices") or "").split()
    return {int(output): int(input_) for output, input_ in (pair.split(":") for pair in pairs)}


def show(node):
    """Shows a volume in the slice views."""
    logic = slicer.app.applicationLogic()
    selection = logic.GetSelectionNode()
    if selection is not None:
        selection.SetActiveVolumeID(node.GetID())
        logic.PropagateVolumeSelection(0)


def mark_interpolated(label_map, volume_node, outcome):
    """Fills a label map: 1 in interpolated slices, 0 in known ones."""
    image = empty_image(outcome.shape, vtk.VTK_UNSIGNED_CHAR)
    slices = np.moveaxis(array_of(image), 2 - outcome.axis, 0)
    slices[...] = 1
    slices[sorted(outcome.known)] = 0
    fill(label_map, image, outcome.ijk_to_ras, volume_node.GetParentTransformNode())
    if label_map.GetDisplayNode() is None:
        label_map.CreateDefaultDisplayNodes()
