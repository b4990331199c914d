"""Helpers for tests of the panel."""

import time

import qt

from conftest import APPLICATION, MODULE
from HRINetResampleLib.panel.widget import HRINetResampleWidget

UI = MODULE / "Resources" / "UI" / "HRINetResample.ui"


def create():
    """Opens a panel, as Slicer does when the module is first opened."""
    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    widget = HRINetResampleWidget(parent)
    widget.resources = {"UI/HRINetResample.ui": UI}
    widget.setup()
    widget.test_parent = parent
    parent.show()
    return widget


def pump(until, seconds=30):
    """Processes events until a condition holds."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "timed out"
        APPLICATION.processEvents()
        time.sleep(0.005)


def ready(widget):
    """Waits until the panel shows the outcome."""
    pump(lambda: not (widget._model_section.busy or widget._apply_section.busy))
    return widget


def finished(widget, seconds=30):
    """Waits until no task runs."""
    pump(lambda: widget.task is None, seconds)
    return widget


def status_of(widget):
    """Text of the status line."""
    return widget.ui.statusLabel.text()


def node(widget):
    """Parameter node of the panel."""
    return widget._parameters
