"""Python binding of the C library: ctypes over `hrinet.h`, with NumPy arrays.

Part of the Slicer module, where it needs no Slicer, and of the package `hrinet`. `hrinet` has all
public names.
"""
