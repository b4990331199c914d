"""Draws the panel from its `.ui`, for scripts/dev/slicer-pictures.

python picture_of_panel.py CT.nii.gz PANEL.png
"""

import sys

import builders
import conftest
import panels


def main(ct, picture):
    """Draws the panel with a CT chosen."""
    builders.read(ct, "Chest CT")
    conftest.APPLICATION.setStyle("Fusion")
    widget = panels.create()
    widget.test_parent.resize(460, 800)
    panels.ready(widget)
    conftest.APPLICATION.processEvents()
    saved = widget.test_parent.grab().save(picture)
    widget.cleanup()
    if not saved:
        sys.exit(f"{picture} cannot be written")


main(*sys.argv[1:])
