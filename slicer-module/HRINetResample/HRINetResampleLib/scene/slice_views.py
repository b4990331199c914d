"""Slice views: the known slices that they cross, and what they show before and after."""

import numpy as np
import slicer

from . import geometry

# Our layout: the three usual views, and three more below that are linked to them.
LAYOUT = 2847
BEFORE_VIEWS = ("Red", "Green", "Yellow")
AFTER_VIEWS = ("HRINetAxial", "HRINetCoronal", "HRINetSagittal")
_ORIENTATIONS = ("Axial", "Coronal", "Sagittal")
_COLORS = ("#F34A33", "#6EB04B", "#EDD54C")
_VIEW = (
    '<item><view class="vtkMRMLSliceNode" singletontag="{name}">'
    '<property name="orientation" action="default">{orientation}</property>'
    '<property name="viewlabel" action="default">{label}</property>'
    '<property name="viewcolor" action="default">{color}</property></view></item>'
)


def spans(known_slices, parent):
    """Lowest and highest slice coordinate that each visible slice view crosses.

    `parent` is the linear transform of the volume; None: world coordinates.
    """
    to_volume = np.linalg.inv(geometry.matrix_to_world(parent))
    found = []
    for logic in _logics():
        view = logic.GetSliceNode()
        width, height, _ = view.GetFieldOfView()
        corners = [[x * width / 2, y * height / 2, 0, 1] for x in (-1, 1) for y in (-1, 1)]
        to_world = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())
        points = np.array(corners) @ (to_volume @ to_world).T
        at = known_slices.coordinates(points[:, :3])
        found.append((float(at.min()), float(at.max())))
    return found


class BeforeAndAfter:
    """Shows a volume and what is made of it in the slice views.

    `source` is the volume; `preview` a part of the output, shown over the source; `output` the
    whole one, shown in its place where there is no preview. `update` applies them.
    """

    def __init__(self):
        self.source, self.preview, self.output = None, None, None
        self.shows_after = True  # in the views that show what is made
        self._kept = {}  # by the ID of a composite node: what its view showed before
        self._arrangement = None  # of the layout, before `compare`

    @property
    def comparing(self):
        """Whether before and after are side by side."""
        return self._arrangement is not None

    def compare(self, wanted):
        """Opens the views before and after, which move together, or goes back to the layout."""
        layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is None or wanted == self.comparing:
            return
        if wanted:
            if not layout.IsLayoutDescription(LAYOUT):
                layout.AddLayoutDescription(LAYOUT, _layout_description())
            self._arrangement = layout.GetViewArrangement()
            layout.SetViewArrangement(LAYOUT)
            _align_views()
        else:
            arrangement, self._arrangement = self._arrangement, None
            self.release()
            if layout.GetViewArrangement() == LAYOUT:
                layout.SetViewArrangement(arrangement)
        self.update()

    def update(self):
        """Applies the state to all visible slice views."""
        for logic in _logics():
            composite, name = logic.GetSliceCompositeNode(), logic.GetSliceNode().GetLayoutName()
            is_after = name in AFTER_VIEWS or not self.comparing
            if self.comparing:
                self._set(composite, "LinkedControl", 1)
            made = self.output if self.preview is None else self.source
            own = [node.GetID() for node in (self.source, self.output) if node is not None]
            if self.comparing or (composite.GetBackgroundVolumeID() in own and made is not None):
                shown = made if is_after and self.shows_after and made else self.source
                self._set(composite, "BackgroundVolumeID", shown and shown.GetID())
            shows_source = (
                self.source is not None and composite.GetBackgroundVolumeID() == self.source.GetID()
            )
            if self.preview is not None and is_after and shows_source:
                self._set(composite, "ForegroundVolumeID", self.preview.GetID())
                self._set(composite, "ForegroundOpacity", 1.0 if self.shows_after else 0.0)
            else:
                self._restore(composite, ("ForegroundVolumeID", "ForegroundOpacity"))

    def release(self):
        """Gives all slice views back as they were."""
        for composite_id in list(self._kept):
            composite = slicer.mrmlScene.GetNodeByID(composite_id)
            if composite is not None:
                self._restore(composite, list(self._kept[composite_id]))
        self._kept.clear()

    def _set(self, composite, name, value):
        """Sets a property of a view, and keeps what it was where that is something else."""
        before = getattr(composite, f"Get{name}")()
        if before == value:
            return
        kept = self._kept.setdefault(composite.GetID(), {})
        if kept.setdefault(name, before) == value:
            del kept[name]
        getattr(composite, f"Set{name}")(value)

    def _restore(self, composite, names):
        kept = self._kept.get(composite.GetID(), {})
        for name in names:
            if name in kept:
                getattr(composite, f"Set{name}")(kept.pop(name))


def _logics():
    """Slice logics of the views in the layout."""
    logics = slicer.app.applicationLogic().GetSliceLogics()
    found = [logics.GetItemAsObject(index) for index in range(logics.GetNumberOfItems())]
    return [logic for logic in found if logic.GetSliceNode().IsMappedInLayout()]


def _layout_description():
    rows = ""
    for names, suffix in ((BEFORE_VIEWS, ""), (AFTER_VIEWS, "+")):
        views = "".join(
            _VIEW.format(name=name, orientation=orientation, label=before[0] + suffix, color=color)
            for name, before, orientation, color in zip(names, BEFORE_VIEWS, _ORIENTATIONS, _COLORS)
        )
        rows += f'<item><layout type="horizontal">{views}</layout></item>'
    return f'<layout type="vertical">{rows}</layout>'


def _align_views():
    """Moves the views after to where those before are."""
    views = {logic.GetSliceNode().GetLayoutName(): logic.GetSliceNode() for logic in _logics()}
    for before, after in zip(BEFORE_VIEWS, AFTER_VIEWS):
        if before in views and after in views:
            views[after].GetSliceToRAS().DeepCopy(views[before].GetSliceToRAS())
            views[after].SetFieldOfView(*views[before].GetFieldOfView())
            views[after].UpdateMatrices()
