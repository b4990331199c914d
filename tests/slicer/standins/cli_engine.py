"""Slicer's own engine for command-line modules, vtkSlicerCLIModuleLogic, without its Qt side.

The application's module factory parses `--xml` into a ModuleDescription and passes it to the logic.
That class is not wrapped for Python: it is filled here by ctypes, with strings of the old C++ ABI
of slicer-core's manylinux wheels.
"""

import ctypes
import pathlib
import subprocess
import time

import slicer
import slicer_core

_FOLDER = pathlib.Path(slicer_core.__file__).parent
_referenced = []  # memory that C++ points to


def _library(name):
    return ctypes.CDLL(str(_FOLDER / name))


def _string(text):
    """`std::string const &` of the old ABI: length, capacity, count -1 (not shared), bytes."""
    content = text.encode()
    head = len(content).to_bytes(8, "little") * 2 + (0xFFFFFFFF).to_bytes(8, "little")
    buffer = ctypes.create_string_buffer(head + content + b"\0", 25 + len(content))
    pointer = ctypes.c_void_p(ctypes.addressof(buffer) + 24)
    _referenced.append((buffer, pointer))
    return ctypes.byref(pointer)


def logic_of(program, application):
    """Logic of the engine for a program, as the module factory creates it."""
    xml = subprocess.run([program, "--xml"], check=True, capture_output=True, text=True).stdout
    assert xml.startswith("<?xml")
    parser = _library("third_party.libs/libModuleDescriptionParser.so")
    description = ctypes.create_string_buffer(8192)
    _referenced.append(description)
    parser._ZN17ModuleDescriptionC1Ev(description)
    parsed = parser._ZN23ModuleDescriptionParser5ParseERKSsR17ModuleDescription(
        ctypes.create_string_buffer(16), _string(xml), description
    )
    assert parsed == 0, "Slicer's parser rejects the description"
    parser._ZN17ModuleDescription7SetTypeERKSs(description, _string("CommandLineModule"))
    parser._ZN17ModuleDescription9SetTargetERKSs(description, _string(program))
    parser._ZN17ModuleDescription11SetLocationERKSs(description, _string(program))
    logic = slicer.vtkSlicerCLIModuleLogic()
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(slicer.mrmlScene)
    address = ctypes.c_void_p(int(logic.__this__.split("_")[1], 16))
    set_description = _library("libvtkSlicerBaseLogic.so")
    set_description._ZN23vtkSlicerCLIModuleLogic27SetDefaultModuleDescriptionERK17ModuleDescription(
        address, description
    )
    return logic


def wait(application, until, seconds=60):
    """Does the work of the application's timers until a condition holds."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "timed out"
        application.ProcessReadData()
        application.ProcessModified()
        time.sleep(0.02)
