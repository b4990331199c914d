"""What stands in for the parts of the Slicer application that slicer-core does not have: Qt, the
scripted modules' base classes, the parameter node. The scene below them is Slicer's own."""
