"""Helpers for Qt widgets, in PythonQt and in other bindings."""


def value_of(attribute):
    """Value of a widget's property, which is a method in bindings other than Slicer's PythonQt."""
    return attribute() if callable(attribute) else attribute


def set_quietly(widget, method, *arguments):
    """Calls a widget's method without its signals."""
    blocked = widget.blockSignals(True)
    getattr(widget, method)(*arguments)
    widget.blockSignals(blocked)


class Availability:
    """Enables a widget, or disables it with the reason as its tool tip."""

    def __init__(self, widget):
        self._widget, self._tool_tip = widget, value_of(widget.toolTip)

    def set(self, problem):
        """`problem` says why the widget is disabled; None enables it."""
        self._widget.setEnabled(problem is None)
        self._widget.setToolTip(problem or self._tool_tip)
