"""Slicer's Python base classes, as far as this module uses them."""

import enum
import sys
import types
import typing
import unittest

import slicer


class ScriptedLoadableModule:
    """A module's entry in the list."""

    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """A module's panel."""

    def __init__(self, parent=None):
        self.parent = parent
        self.layout = parent.layout() if parent is not None else None
        self.resources = {}

    def setup(self):
        """Slicer adds its own developer buttons here."""

    def resourcePath(self, name):
        """A file of the module's Resources folder."""
        return self.resources[name]


class ScriptedLoadableModuleLogic:
    """A module's logic."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__[: -len("Logic")]

    def getParameterNode(self):
        """Returns the module's node in the scene; creates it if there is none."""
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A module's own test."""

    def delayDisplay(self, message, msec=0):
        """Shows a message in the application."""


class WithinRange:
    """A range of numbers."""

    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


def _read(text, kind, default):
    if text == "":
        return default
    if kind is bool:
        return text == "True"
    return kind[text] if issubclass(kind, enum.Enum) else kind(text)


def _field(name, kind, annotations, default):
    if issubclass(kind, slicer.vtkMRMLNode):
        return property(
            lambda self: self.parameterNode.GetNodeReference(name),
            lambda self, node: self.parameterNode.SetNodeReferenceID(
                name, node.GetID() if node else None
            ),
        )

    def write(self, value):
        if not isinstance(value, kind):
            raise TypeError(f"{name} = {value!r} is not of {kind}")
        for limits in annotations:
            if not limits.minimum <= value <= limits.maximum:
                raise ValueError(f"{name} = {value} is out of range")
        self.parameterNode.SetParameter(
            name, value.name if isinstance(value, enum.Enum) else str(value)
        )

    return property(lambda self: _read(self.parameterNode.GetParameter(name), kind, default), write)


def parameterNodeWrapper(cls):
    """Stores the fields of a class in a vtkMRMLScriptedModuleNode, as the original does."""
    fields = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        kind = getattr(annotated, "__origin__", annotated)
        fields[name] = (
            kind,
            list(getattr(annotated, "__metadata__", ())),
            getattr(cls, name, None),
        )

    def set_up(self, node):
        self.parameterNode = node

    def connectGui(self, gui):
        return standin_connect(self, gui, fields)

    from .binding import standin_connect

    members = {name: _field(name, *field) for name, field in fields.items()}
    members.update(__init__=set_up, connectGui=connectGui, disconnectGui=lambda self, tag: tag())
    return type(cls.__name__, (), members)


def install():
    """Installs the stand-ins under the names that a module imports."""

    def module(name, **members):
        created = types.ModuleType(name)
        created.__dict__.update(members)
        sys.modules[name] = created
        return created

    slicer.i18n = module("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text)
    base = {
        c.__name__: c
        for c in (
            ScriptedLoadableModule,
            ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleLogic,
            ScriptedLoadableModuleTest,
        )
    }
    slicer.ScriptedLoadableModule = module("slicer.ScriptedLoadableModule", **base)
    sys.modules["slicer.util"] = slicer.util
    slicer.parameterNodeWrapper = module(
        "slicer.parameterNodeWrapper",
        parameterNodeWrapper=parameterNodeWrapper,
        WithinRange=WithinRange,
    )
