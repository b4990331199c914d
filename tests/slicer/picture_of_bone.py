"""Draws bone of a real CT in 3D, before and after, as scripts/slicer-pictures wants it.

    python picture_of_bone.py CT.nii.gz BONE.png
"""

import sys

import conftest  # noqa: F401 (starts the scene)
import numpy as np
import slicer
import vtk
from HRINetResampleLib import geometry
from HRINetResampleLib.logic import HRINetResampleLogic

BONE_HU = 200
FIRST, COUNT = 60, 30  # slices of the CT: ribs and sternum
SIZE = 560  # pixels of each half


def crop(ct):
    """Some slices of the file, as a volume node."""
    whole = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    reader = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    reader.SetFileName(ct)
    if not reader.ReadData(whole):
        sys.exit(f"{ct} is not read")
    matrix = geometry.matrix_of(whole) @ np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, FIRST], [0, 0, 0, 1]]
    )
    voxels = slicer.util.arrayFromVolume(whole)[FIRST:FIRST + COUNT]
    return slicer.util.addVolumeFromArray(voxels.astype(np.int16), ijkToRAS=matrix, name="Crop")


def actor_of(node):
    """The surface of bone, where it lies."""
    surface = vtk.vtkFlyingEdges3D()
    surface.SetInputData(node.GetImageData())
    surface.SetValue(0, BONE_HU)
    matrix, place = vtk.vtkMatrix4x4(), vtk.vtkTransform()
    node.GetIJKToRASMatrix(matrix)
    place.SetMatrix(matrix)
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(surface.GetOutputPort())
    placed.SetTransform(place)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(normals.GetOutputPort())
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.93, 0.88, 0.78)
    return actor


def main(ct, picture):
    """Left: as scanned. Right: with the slices in between. Seen from the front, a little from above."""
    thick = crop(ct)
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(2 * SIZE, SIZE)
    camera = None
    for half, node in enumerate((thick, HRINetResampleLogic().resample(thick))):
        renderer = vtk.vtkRenderer()
        renderer.SetViewport(half / 2, 0, (half + 1) / 2, 1)
        renderer.SetBackground(0.1, 0.12, 0.16)
        renderer.AddActor(actor_of(node))
        window.AddRenderer(renderer)
        if camera is None:
            camera = renderer.GetActiveCamera()
            camera.SetPosition(0, 1, 0)
            camera.SetFocalPoint(0, 0, 0)
            camera.SetViewUp(0, 0, 1)
            camera.Azimuth(25)
            camera.Elevation(20)
            renderer.ResetCamera()
            camera.Zoom(2.2)
        renderer.SetActiveCamera(camera)
        renderer.ResetCameraClippingRange()
    window.Render()
    image = vtk.vtkWindowToImageFilter()
    image.SetInput(window)
    image.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    writer.SetInputConnection(image.GetOutputPort())
    writer.SetFileName(picture)
    writer.Write()


main(*sys.argv[1:])
