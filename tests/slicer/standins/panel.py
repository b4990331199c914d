"""Qt by PySide6, and stand-ins for the widgets of CTK and qMRML that the panel uses."""

import ctypes
import sys
import types

import slicer
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets


class qMRMLNodeComboBox(QtWidgets.QComboBox):
    """Chooses a node of the scene, or none."""

    currentNodeChanged = QtCore.Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._types, self._none, self._none_text, self._nodes, self._node = (
            [],
            False,
            "None",
            [],
            None,
        )
        self.activated.connect(lambda index: self.setCurrentNode(self._nodes[index]))

    def setMRMLScene(self, scene):
        """Follows the nodes of the scene."""
        self.fill()
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            tag = scene.AddObserver(event, lambda *_: self.fill())
            self.destroyed.connect(lambda *_, tag=tag: scene.RemoveObserver(tag))

    def fill(self):
        """Lists the nodes that can be chosen."""
        nodes = [
            node
            for kind in self._types
            for node in slicer.util.getNodesByClass(kind)
            if node.GetClassName() == kind and not node.GetHideFromEditors()
        ]
        self._nodes = ([None] if self._none or self._node is None else []) + nodes
        self.clear()
        self.addItems([self._none_text if node is None else node.GetName() for node in self._nodes])
        if self._node not in self._nodes:
            self.setCurrentNode(None)
        elif self._nodes:
            self.setCurrentIndex(self._nodes.index(self._node))

    def setCurrentNode(self, node):
        """Chooses a node."""
        if node is not self._node:
            self._node = node
            self.fill()
            self.currentNodeChanged.emit(node)

    def currentNode(self):
        """Returns the chosen node."""
        return self._node

    def _set(name):
        return lambda self, value: setattr(self, name, value)

    nodeTypes = QtCore.Property("QStringList", lambda self: self._types, _set("_types"))
    noneEnabled = QtCore.Property(bool, lambda self: self._none, _set("_none"))
    noneDisplay = QtCore.Property(str, lambda self: self._none_text, _set("_none_text"))
    addEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    removeEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    renameEnabled = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    showChildNodeTypes = QtCore.Property(bool, lambda self: False, lambda self, value: None)


class qMRMLWidget(QtWidgets.QWidget):
    """Passes the scene to the node boxes inside."""

    def setMRMLScene(self, scene):
        """Passes the scene to every node box."""
        for box in self.findChildren(qMRMLNodeComboBox):
            box.setMRMLScene(scene)


class ctkCollapsibleButton(QtWidgets.QGroupBox):
    """A titled group."""

    text = QtCore.Property(str, lambda self: self.title(), lambda self, value: self.setTitle(value))
    collapsed = QtCore.Property(bool, lambda self: False, lambda self, value: None)


def load(path):
    """Loads the panel of a `.ui` file."""
    loader = QtUiTools.QUiLoader()
    for widget in (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton):
        loader.registerCustomWidget(widget)
    panel = loader.load(str(path))
    assert panel is not None, loader.errorString()
    return panel


def children(panel):
    """Widgets by their names, as slicer.util.childWidgetVariables returns them."""
    named = {child.objectName(): child for child in panel.findChildren(QtWidgets.QWidget)}
    return types.SimpleNamespace(
        **{name: child for name, child in named.items() if name and name[0] != "q"}
    )


def _of_qt(name):
    for module in (QtCore, QtGui, QtWidgets):
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(name)


def install():
    """Installs an application without a screen, `qt`, and the functions that load panels."""
    # Every call of PySide6 that returns nothing takes one reference from None. Before 3.12 Python
    # aborts after some thousand calls: make None as immortal as it is there.
    if sys.version_info < (3, 12) and sys.getrefcount(None) < 1 << 40:
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    qt = types.ModuleType("qt")
    qt.__getattr__ = _of_qt
    sys.modules["qt"] = qt
    slicer.util.loadUI, slicer.util.childWidgetVariables = load, children
    return application
