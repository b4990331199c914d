"""Binds a parameter node and widgets, as connectGui of Slicer's parameterNodeWrapper."""

import enum

import slicer
import vtk


def standin_connect(parameters, gui, fields):
    """Binds every widget that names a parameter; returns a function that undoes it."""
    bound, busy = [], []

    def to_gui(_caller=None, _event=None):
        if busy:
            return
        busy.append(True)
        try:
            for name, write in bound:
                write(getattr(parameters, name))
        finally:
            busy.clear()

    for widget in list(vars(gui).values()):
        name = widget.property("SlicerParameterName")
        if not name:
            continue
        if name not in fields:
            raise ValueError(
                f"{widget.objectName()} names the parameter {name}, which does not exist"
            )
        kind, annotations, _default = fields[name]

        def from_gui(value, name=name):
            if not busy:
                setattr(parameters, name, value)

        bound.append((name, _writer(widget, kind, annotations, from_gui)))
    to_gui()
    tag = parameters.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, to_gui)

    def undo():
        busy.append(True)
        parameters.parameterNode.RemoveObserver(tag)

    return undo


def _writer(widget, kind, annotations, from_gui):
    """Connects a widget, and returns the function that shows a value in it."""
    if issubclass(kind, slicer.vtkMRMLNode):
        widget.currentNodeChanged.connect(from_gui)
        return widget.setCurrentNode
    if issubclass(kind, enum.Enum):
        widget.clear()
        widget.addItems([each.label() for each in kind])
        widget.currentIndexChanged.connect(lambda index: from_gui(list(kind)[index]))
        return lambda value: widget.setCurrentIndex(list(kind).index(value))
    if kind is bool:
        widget.toggled.connect(from_gui)
        return widget.setChecked
    for limits in annotations:
        widget.setRange(limits.minimum, limits.maximum)
    widget.valueChanged.connect(from_gui)
    return widget.setValue
