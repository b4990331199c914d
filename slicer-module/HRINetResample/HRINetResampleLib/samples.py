"""The sample CT of the Sample Data module, checked by its SHA-256."""

import slicer

NAME = "HRINetThickChest"


def register_samples():
    """Offers the sample, where this Slicer has a Sample Data module."""
