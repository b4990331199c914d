"""Layout manager without windows: Slicer's own layout, slice and link logics."""

import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SIDE = 120  # pixels of a view


def drawn(logic):
    """Grey values [row, column] that a slice logic draws, from the top."""
    return coloured(logic)[..., 0]


def coloured(logic):
    """Red, green and blue [row, column, 3] that a slice logic draws, from the top."""
    logic.UpdatePipeline()
    logic.GetBlend().Update()
    image = logic.GetBlend().GetOutput()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars())
    return pixels.reshape(*image.GetDimensions()[1::-1], -1)[::-1, :, :3]


class LayoutManager:
    """Gives every slice view of the layout a slice logic, as the application's windows do."""

    def __init__(self, application_logic, size=(SIDE, SIDE)):
        """`size` is that of each view in pixels: columns, rows."""
        self._application, self._size = application_logic, size
        self._logics = {}  # by the name of the view
        self.logic = slicer.vtkMRMLLayoutLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.node = self.logic.GetLayoutNode()
        self._link = slicer.vtkMRMLSliceLinkLogic()
        self._link.SetMRMLApplicationLogic(application_logic)
        self._link.SetMRMLScene(slicer.mrmlScene)
        self.node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._follow())
        self._follow()

    def view(self, name):
        """Slice logic of a view."""
        return self._logics[name]

    def names(self):
        """Names of the views in the layout."""
        views = self.logic.GetViewNodes()
        found = [views.GetItemAsObject(index) for index in range(views.GetNumberOfItems())]
        return [view.GetLayoutName() for view in found if view.IsA("vtkMRMLSliceNode")]

    def _follow(self):
        visible = self.names()
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            name = view.GetLayoutName()
            if name not in self._logics:
                self._logics[name] = self._logic_of(view)
            view.SetMappedInLayout(name in visible)

    def _logic_of(self, view):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLScene(slicer.mrmlScene)
        logic.SetMRMLApplicationLogic(self._application)
        logic.SetSliceNode(view)
        view.SetDimensions(*self._size, 1)
        self._application.GetSliceLogics().AddItem(logic)
        return logic

    def reset(self):
        """Puts the views back to how a new scene has them."""
        self.node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        for logic in self._logics.values():
            composite = logic.GetSliceCompositeNode()
            composite.SetBackgroundVolumeID(None)
            composite.SetForegroundVolumeID(None)
            composite.SetForegroundOpacity(0)
            composite.SetLinkedControl(0)
