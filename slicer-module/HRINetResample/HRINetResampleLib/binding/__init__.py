"""Python binding of the C library: ctypes over `hrinet.h`, with NumPy arrays. Needs no Slicer.

from HRINetResampleLib.binding import hrinet
"""
