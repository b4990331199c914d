"""Sequence nodes: the frames of a volume that a sequence browser shows."""

import slicer


def browser_of(volume_node):
    """Sequence browser that shows a volume, and its sequence; (None, None) for other volumes."""
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        sequence = browser.GetSequenceNode(volume_node)
        if sequence is not None:
            return browser, sequence
    return None, None


def frames_of(sequence):
    """Volume nodes of a sequence."""
    return [sequence.GetNthDataNode(index) for index in range(sequence.GetNumberOfDataNodes())]


def fill(browser, sequence, nodes, output):
    """Shows `nodes` in `output` as a new sequence of the browser, indexed as `sequence`.

    If `output` already shows a sequence of an earlier run, that one is filled again.
    """
    filled = browser.GetSequenceNode(output)
    if filled is None:
        filled = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSequenceNode",
            slicer.mrmlScene.GenerateUniqueName(f"{sequence.GetName()} HRINet"),
        )
    filled.RemoveAllDataNodes()
    filled.SetIndexName(sequence.GetIndexName())
    filled.SetIndexUnit(sequence.GetIndexUnit())
    filled.SetIndexType(sequence.GetIndexType())
    for index, node in enumerate(nodes):
        filled.SetDataNodeAtValue(node, sequence.GetNthIndexValue(index))
    if not browser.IsSynchronizedSequenceNode(filled):
        browser.AddSynchronizedSequenceNode(filled)
        browser.AddProxyNode(output, filled, False)
    return filled
