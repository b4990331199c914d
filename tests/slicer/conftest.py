"""Starts Slicer's scene once, and clears it before each test."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = ROOT / "slicer-module" / "HRINetResample"
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(MODULE)]
PREFIX = pathlib.Path(os.environ.get("HRINET_PREFIX") or ROOT / "target" / "prefix")
PROGRAM = str(PREFIX / "bin" / "hrinet")
os.environ["HRINET_LIBRARY"] = str(PREFIX / "lib" / "libhrinet.so")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from standins import application, scripted  # noqa: E402

scripted.install()
LOGIC = application.start()


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
