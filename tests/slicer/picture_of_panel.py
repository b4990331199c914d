"""Draws the panel from its `.ui`, as scripts/dev/slicer-pictures wants it.

    python picture_of_panel.py CT.nii.gz PANEL.png
"""

import sys
import time

import conftest  # noqa: F401 (starts the scene)
import making
from standins import panel

APPLICATION = panel.install()

from HRINetResampleLib.widget import HRINetResampleWidget  # noqa: E402


def main(ct, picture):
    """The panel with a CT chosen, and what it says."""
    import qt

    making.read(ct, "Chest CT")
    APPLICATION.setStyle("Fusion")
    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    widget = HRINetResampleWidget(parent)
    widget.resources = {"UI/HRINetResample.ui": conftest.MODULE / "Resources/UI/HRINetResample.ui"}
    widget.setup()
    parent.resize(460, 560)
    parent.show()
    # The shipped model has a confidence: what it offers shall be seen.
    while widget._devices is not None or widget._preview.busy or widget._without_confidence():
        APPLICATION.processEvents()
        time.sleep(0.01)
    APPLICATION.processEvents()
    saved = parent.grab().save(picture)
    widget.cleanup()
    if not saved:
        sys.exit(f"{picture} cannot be written")


main(*sys.argv[1:])
