"""Draws a real CT before and after resampling, for scripts/dev/slicer-pictures.

Slice views are drawn by Slicer's own slice logic, the surface of the bone by VTK, both off-screen.

    python pictures_of_ct.py CT.nii.gz SLICES.png BONE.png

Before: every second slice of the CT removed. After: that volume, resampled by the module.
"""

import sys

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import builders
import conftest  # noqa: F401 (starts the scene)
from HRINetResampleLib.logic import HRINetResampleLogic
from HRINetResampleLib.scene import geometry
from standins.layout import drawn

WINDOW, LEVEL = 1600, -100  # HU: lung, soft tissue and bone together
BONE_HU = 200
GAP = 6  # pixels between tiles


def main(ct, slices_png, bone_png):
    """Draws both pictures."""
    thick = halved(ct)
    fine = HRINetResampleLogic().resample(thick)
    draw(thick, fine, slices_png, bone_png)


def draw(thick, fine, slices_png, bone_png):
    """Draws two volumes side by side."""
    columns = [f"Before: {thick.GetSpacing()[2]:g} mm", f"After: {fine.GetSpacing()[2]:.2g} mm"]
    views = [
        ("Coronal", (520, 360), 300, (0, 22, -150)),
        ("Sagittal", (520, 360), 300, (6, 10, -150)),
    ]
    rows = [[slice_view(node, *view) for node in (thick, fine)] for view in views]
    save(tiled(rows), columns, [view[0].lower() for view in views], slices_png)
    camera = None
    bones = []
    for node in (thick, fine):
        image, camera = bone_view(node, (520, 560), camera)
        bones.append(image)
    save(tiled([bones]), columns, [f"above {BONE_HU} HU"], bone_png)


def halved(ct):
    """Volume node of every second slice of a file."""
    whole = builders.read(ct, "Whole")
    voxels = slicer.util.arrayFromVolume(whole)[::2].astype(np.int16)
    matrix = geometry.matrix_of(whole) @ np.diag([1, 1, 2, 1])
    slicer.mrmlScene.RemoveNode(whole)
    return slicer.util.addVolumeFromArray(
        np.ascontiguousarray(voxels), ijkToRAS=matrix, name="Thick"
    )


def slice_view(node, orientation, size, millimetres, centre):
    """Grey values [row, column] of a slice view through `centre` (RAS), `millimetres` wide."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(WINDOW, LEVEL)
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetLayoutName(view.GetID())
    getattr(view, f"SetOrientationTo{orientation}")()
    view.SetDimensions(*size, 1)
    view.SetFieldOfView(millimetres, millimetres * size[1] / size[0], 1)
    view.JumpSliceByCentering(*centre)
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    logic.SetSliceNode(view)
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(node.GetID())
    return drawn(logic)


def bone_view(node, size, camera):
    """Grey values [row, column] of the bone's surface, and the camera, for the next view."""
    surface = vtk.vtkFlyingEdges3D()
    surface.SetInputData(node.GetImageData())
    surface.SetValue(0, BONE_HU)
    largest = vtk.vtkPolyDataConnectivityFilter()
    largest.SetInputConnection(surface.GetOutputPort())
    largest.SetExtractionModeToLargestRegion()
    place, matrix = vtk.vtkTransform(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    place.SetMatrix(matrix)
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(place)
    placed.SetInputConnection(largest.GetOutputPort())
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(placed.GetOutputPort())
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.85, 0.85, 0.85)
    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetMultiSamples(8)
    window.SetSize(*size)
    window.AddRenderer(renderer)
    renderer.AddActor(actor)
    renderer.AutomaticLightCreationOff()
    lights = vtk.vtkLightKit()  # a single light from the front would overexpose the bone
    lights.SetKeyLightIntensity(0.75)
    lights.AddLightsToRenderer(renderer)
    if camera is None:
        camera = renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(-0.6, -1, 0.15)  # from behind, the left: spine and ribs
        camera.SetViewUp(0, 0, 1)
        renderer.ResetCamera()
        camera.Zoom(1.75)
    renderer.SetActiveCamera(camera)
    renderer.ResetCameraClippingRange()
    window.Render()
    shot = vtk.vtkWindowToImageFilter()
    shot.SetInput(window)
    shot.ReadFrontBufferOff()
    shot.Update()
    image = shot.GetOutput()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars())
    return pixels.reshape(*image.GetDimensions()[1::-1], -1)[::-1, :, 0], camera


def tiled(rows):
    """Arranges pictures in rows with white gaps."""

    def beside(pictures, axis):
        gap = np.full(
            [GAP if each == axis else side for each, side in enumerate(pictures[0].shape)],
            255,
            np.uint8,
        )
        return np.concatenate([each for picture in pictures for each in (gap, picture)][1:], axis)

    return beside([beside(row, 1) for row in rows], 0)


def save(pixels, columns, rows, path):
    """Writes a picture, grey or in colours, with the names of columns and rows in its tiles."""
    import qt

    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    colours = qt.QImage.Format_RGB888 if pixels.ndim == 3 else qt.QImage.Format_Grayscale8
    image = qt.QImage(pixels.data, width, height, pixels.strides[0], colours).copy()
    painter = qt.QPainter(image)
    font = painter.font()
    font.setPixelSize(20)
    painter.setFont(font)
    painter.setPen(qt.QColor("white"))
    for row, view in enumerate(rows):
        for column, text in enumerate(columns):
            x = column * (width + GAP) // len(columns)
            y = row * (height + GAP) // len(rows)
            label = f"{text}, {view}"
            box = qt.QRect(x, y, painter.fontMetrics().horizontalAdvance(label) + 20, 32)
            painter.fillRect(box, qt.QColor("black"))
            painter.drawText(box, qt.Qt.AlignCenter, label)
    painter.end()
    if not image.save(path):
        sys.exit(f"{path} cannot be written")


if __name__ == "__main__":
    main(*sys.argv[1:])
