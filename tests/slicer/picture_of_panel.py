"""Draws the panel from its `.ui`, as scripts/dev/slicer-pictures wants it.

python picture_of_panel.py CT.nii.gz PANEL.png
"""

import sys
import time

import builders
import conftest  # noqa: F401 (starts the scene)
from standins import panel

APPLICATION = panel.install()

from HRINetResampleLib.panel.widget import HRINetResampleWidget  # noqa: E402


def main(ct, picture):
    """Draws the panel with a CT chosen."""
    import qt

    builders.read(ct, "Chest CT")
    APPLICATION.setStyle("Fusion")
    parent = qt.QWidget()
    qt.QVBoxLayout(parent)
    widget = HRINetResampleWidget(parent)
    widget.resources = {"UI/HRINetResample.ui": conftest.MODULE / "Resources/UI/HRINetResample.ui"}
    widget.setup()
    parent.resize(460, 680)
    parent.show()
    while widget._model_section.busy or widget._apply_section.busy:
        APPLICATION.processEvents()
        time.sleep(0.01)
    APPLICATION.processEvents()
    saved = parent.grab().save(picture)
    widget.cleanup()
    if not saved:
        sys.exit(f"{picture} cannot be written")


main(*sys.argv[1:])
