"""Starts Slicer's scene and Qt once, and clears the scene before each test."""

import os
import pathlib
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = ROOT / "slicer-module" / "HRINetResample"
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(MODULE)]
PREFIX = pathlib.Path(os.environ.get("HRINET_PREFIX") or ROOT / "target" / "prefix")
PROGRAM = str(PREFIX / "bin" / "hrinet")
os.environ["HRINET_LIBRARY"] = str(PREFIX / "lib" / "libhrinet.so")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from standins import application, layout, panel, scripted  # noqa: E402

scripted.install()
LOGIC = application.start()
APPLICATION = panel.install()
_layouts = []


@pytest.fixture(autouse=True)
def scene():
    """Empty scene."""
    import slicer

    slicer.mrmlScene.Clear(0)
    return slicer.mrmlScene


@pytest.fixture(scope="session")
def app_logic():
    """Logic of the application."""
    return LOGIC


@pytest.fixture
def logic():
    """Logic of the module."""
    from HRINetResampleLib.logic import HRINetResampleLogic

    return HRINetResampleLogic()


@pytest.fixture
def views():
    """Layout manager with three slice views."""
    if not _layouts:
        _layouts.append(layout.LayoutManager(LOGIC))
    _layouts[0].reset()
    yield _layouts[0]
    _layouts[0].reset()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of temporary files and of kept models, for one test."""
    import slicer

    temporary, settings = tmp_path / "temporary", tmp_path / "settings"
    temporary.mkdir()
    settings.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(slicer.app, "slicerUserSettingsFilePath", str(settings / "Slicer.ini"))
    return temporary, settings / "HRINet"


@pytest.fixture
def complaints(monkeypatch):
    """Texts of the error dialogs."""
    import slicer

    texts = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: texts.append(text))
    return texts


@pytest.fixture
def open_panel(complaints):
    """Function that opens a panel."""
    import panels

    opened = []

    def open_it():
        opened.append(panels.create())
        return opened[-1]

    yield open_it
    for widget in opened:
        widget.cleanup()
