"""Sequences: the frames behind a volume that a sequence browser shows."""

import slicer


def browser_of(volume_node):
    """The sequence browser that shows a volume, and its sequence; (None, None) for plain volumes."""
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        sequence = browser.GetSequenceNode(volume_node)
        if sequence is not None:
            return browser, sequence
    return None, None


def frames_of(sequence):
    """The volumes of a sequence."""
    return [sequence.GetNthDataNode(index) for index in range(sequence.GetNumberOfDataNodes())]


def put(browser, sequence, nodes, output):
    """Makes `output` the browser's view of a new sequence of `nodes`, at the values of `sequence`.

    Where `output` shows a sequence of an earlier run already, that one is filled anew.
    """
    made = browser.GetSequenceNode(output)
    if made is None:
        made = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSequenceNode", slicer.mrmlScene.GenerateUniqueName(f"{sequence.GetName()} HRINet")
        )
    made.RemoveAllDataNodes()
    made.SetIndexName(sequence.GetIndexName())
    made.SetIndexUnit(sequence.GetIndexUnit())
    made.SetIndexType(sequence.GetIndexType())
    for index, node in enumerate(nodes):
        made.SetDataNodeAtValue(node, sequence.GetNthIndexValue(index))
    if not browser.IsSynchronizedSequenceNode(made):
        browser.AddSynchronizedSequenceNode(made)
        browser.AddProxyNode(output, made, False)
    return made
