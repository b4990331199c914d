"""Effect of the Segment Editor: fills between drawn slices by the image.

Slicer finds the class by the name of this file, which it runs as a module of its own.
"""

import qt
import slicer
from SegmentEditorEffects import (
    AbstractScriptedSegmentEditorAutoCompleteEffect,
    ResultPreviewNodeReferenceRole,
)
from slicer.i18n import tr as _

from HRINetResampleLib.effect.registration import icon_file
from HRINetResampleLib.effect.session import FillSession

# Time in ms from a change of a segment to the update, and between two looks at the work.
UPDATE_DELAY_MS = 100
POLL_MS = 30


class HRINetFillEffect(AbstractScriptedSegmentEditorAutoCompleteEffect):
    """Preview, Apply and Cancel are those of Slicer's effects that complete segmentations."""

    def __init__(self, scriptedEffect):
        AbstractScriptedSegmentEditorAutoCompleteEffect.__init__(self, scriptedEffect)
        scriptedEffect.name = "Fill between slices (HRINet)"
        scriptedEffect.title = _("Fill between slices (HRINet)")
        self.delayedAutoUpdateTimer.interval = UPDATE_DELAY_MS
        self.session = FillSession()
        self.poll_timer = qt.QTimer()
        self.poll_timer.setInterval(POLL_MS)
        self.poll_timer.timeout.connect(self.poll)

    def clone(self):
        """A copy for another editor."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__.replace("\\", "/"))
        return cloned

    def icon(self):
        """Picture on the button."""
        return qt.QIcon(str(icon_file()))

    def helpText(self):
        """Text under the buttons."""
        return _(
            "<html>Draws the slices between those that you have drawn, by the image."
            "<br>Draw a segment on every third to tenth slice, then press <b>Initialize</b>; draw "
            "or correct further slices, and the preview follows. <b>Apply</b> keeps it. What you "
            "have drawn is not changed, and segments may overlap."
            "<p>The result is an estimate: look at every slice. Not for diagnosis or treatment."
            "</html>"
        )

    def setupOptionsFrame(self):
        """Adds the option to those of Slicer's class."""
        AbstractScriptedSegmentEditorAutoCompleteEffect.setupOptionsFrame(self)
        self.taper_box = qt.QCheckBox(_("Taper beyond the first and last drawn slice"))
        self.taper_box.setToolTip(
            _("Segments end within the distance to their next drawn slice, not at the drawn one.")
        )
        self.taper_box.stateChanged.connect(self._on_taper)
        self.scriptedEffect.addOptionsWidget(self.taper_box)

    def setMRMLDefaults(self):
        """Segments end at their drawn slices."""
        AbstractScriptedSegmentEditorAutoCompleteEffect.setMRMLDefaults(self)
        self.scriptedEffect.setParameterDefault("Taper", "0")

    def updateGUIFromMRML(self):
        """Shows the parameters."""
        AbstractScriptedSegmentEditorAutoCompleteEffect.updateGUIFromMRML(self)
        blocked = self.taper_box.blockSignals(True)
        self.taper_box.setChecked(self.scriptedEffect.integerParameter("Taper") != 0)
        self.taper_box.blockSignals(blocked)

    def _on_taper(self, *_arguments):
        """Fills again with the other ends."""
        self.scriptedEffect.setParameter("Taper", int(self.taper_box.isChecked()))
        if self.getPreviewNode() is not None:
            self.onPreview()

    def preview(self):
        """Starts to fill the segments as they are now; `poll` shows the result."""
        parameters = self.scriptedEffect.parameterSetNode()
        segmentation = parameters.GetSegmentationNode()
        ids = self._selected_ids(segmentation)
        if not ids:
            raise RuntimeError(_("Draw a segment on two slices or more; it must be visible."))
        tapers = self.scriptedEffect.integerParameter("Taper") != 0
        self.session.start(segmentation, parameters.GetSourceVolumeNode(), ids, tapers)
        self.poll_timer.start()

    def _selected_ids(self, segmentation):
        """Segments to fill: those that were visible at the start."""
        import vtk

        if self.selectedSegmentIds is None or self.getPreviewNode() is None:
            self.selectedSegmentIds = vtk.vtkStringArray()
            segmentation.GetDisplayNode().GetVisibleSegmentIDs(self.selectedSegmentIds)
        found = self.selectedSegmentIds
        return [found.GetValue(index) for index in range(found.GetNumberOfValues())]

    def poll(self):
        """Shows the result, once there is one."""
        if self.session.running and not self.session.finished:
            return
        self.poll_timer.stop()
        if not self.session.running:
            return
        with slicer.util.tryWithErrorDisplay(_("Filling between slices failed:")):
            self.session.take()
            node = self.getPreviewNode()
            is_new = node is None
            if is_new:
                node = self._add_preview_node()
            self.session.show(node)
            if is_new:
                self.setPreviewOpacity(0.6)
            self.updateGUIFromMRML()

    def _add_preview_node(self):
        """Node of the preview, as Slicer's class expects it."""
        segmentation = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
        node = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", f"{segmentation.GetName()} preview"
        )
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility2DOutline(False)
        node.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
        self.scriptedEffect.setCommonNodeReference(ResultPreviewNodeReferenceRole, node)
        self.scriptedEffect.setCommonParameter(
            "SegmentationResultPreviewOwnerEffect", self.scriptedEffect.name
        )
        return node

    def onApply(self):
        """Keeps what the preview shows; one step of undo.

        Unlike Slicer's class, a segment erases no other one, so that overlaps stay.
        """
        self.delayedAutoUpdateTimer.stop()
        self.observeSegmentation(False)
        self.scriptedEffect.saveStateForUndo()
        self.session.show(self.scriptedEffect.parameterSetNode().GetSegmentationNode())
        self.reset()

    def reset(self):
        """Ends the preview, and leaves nothing of it in the scene."""
        self.poll_timer.stop()
        self.session.stop()
        node = self.getPreviewNode()
        display = node and node.GetDisplayNode()
        AbstractScriptedSegmentEditorAutoCompleteEffect.reset(self)
        if display is not None:
            slicer.mrmlScene.RemoveNode(display)
