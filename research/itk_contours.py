"""ITK's morphological contour interpolation (Zukic et al. 2016) of label maps, for
evaluate_labels.py.

It runs in a process of its own: ITK and SimpleITK in one process have corrupted memory.

Each line of standard input names a file IN.npy with labels [k, j, i] and empty slices to fill, a
tab, and a file OUT.npy to write; it is answered with the seconds taken.
"""

import os
import sys
import time

import itk
import numpy as np


def fill(labels):
    image = itk.image_from_array(labels)
    start = time.perf_counter()
    interpolated = itk.morphological_contour_interpolator(image, axis=2)
    return itk.array_from_image(interpolated), time.perf_counter() - start


fill(np.zeros((3, 4, 4), np.uint8))  # loads what ITK loads late
for line in sys.stdin:
    start, end = line.rstrip("\n").split("\t")
    interpolated, seconds = fill(np.load(start))
    np.save(end, interpolated)
    print(seconds, flush=True)
# All is said. ITK's libraries have crashed while Python took them down.
os._exit(0)
