"""Volume node of a preview: a slab of the output, which is neither listed nor saved."""

import slicer

from . import volumes

NAME = "HRINet preview"


class PreviewVolume:
    """Shows a `Slab` of a source volume. Its node exists while it shows something."""

    def __init__(self):
        self.node = None
        self._slab, self._window = None, None

    def show(self, slab, source, parent):
        """Fills the node, unless it shows this slab; returns whether that changed something."""
        if self._slab is slab and self.node is not None:
            return False
        image = volumes.empty_image(slab.shape, source.GetImageData().GetScalarType())
        slab.write(volumes.array_of(image))
        is_new = self.node is None
        if is_new:
            self.node = slicer.vtkMRMLScalarVolumeNode()
            self.node.SetName(NAME)
            self.node.SetHideFromEditors(True)
            self.node.SetSaveWithScene(False)
            self.node.SetUndoEnabled(False)
            slicer.mrmlScene.AddNode(self.node)
        volumes.fill(self.node, image, slab.ijk_to_ras, parent)
        if is_new:
            volumes.copy_display(self.node, source)
            self.node.GetDisplayNode().SetSaveWithScene(False)
            self._window = self._window_of(source)
        self._slab = slab
        return True

    def follow(self, source):
        """Gives the source the window and level of the node, or the node those of the source."""
        if self.node is None or source.GetDisplayNode() is None:
            return
        own, theirs = self._window_of(self.node), self._window_of(source)
        if own == theirs:
            self._window = own
        elif own != self._window:
            source.GetDisplayNode().SetAutoWindowLevel(False)
            source.GetDisplayNode().SetWindowLevel(*own)
            self._window = own
        else:
            self.node.GetDisplayNode().SetWindowLevel(*theirs)
            self._window = theirs

    def remove(self):
        """Removes the node from the scene."""
        display = self.node and self.node.GetDisplayNode()
        for node in (self.node, display):
            if node is not None and slicer.mrmlScene.IsNodePresent(node):
                slicer.mrmlScene.RemoveNode(node)
        self.node, self._slab, self._window = None, None, None

    def _window_of(self, node):
        display = node.GetDisplayNode()
        return display and (display.GetWindow(), display.GetLevel())
