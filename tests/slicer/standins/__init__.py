"""Stand-ins for the parts of the Slicer application that slicer-core lacks.

These are Qt, the base classes of scripted modules and the parameter node. The scene is Slicer's.
"""
