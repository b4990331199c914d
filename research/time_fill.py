"""Time of `hrinet.fill` on 512 x 512 x 60 voxels: the whole, and after one newly drawn slice.

Usage: time_fill.py PREFIX   (a folder of scripts/install)

Balls of two sizes, drawn on every sixth slice of noise that shows them; then one more slice is
drawn, and the slices that it reaches are filled again, as the preview in 3D Slicer does. Prints the
shortest of five runs, and its time on the processor, on one thread.
"""

import os
import sys
import time

import numpy as np

prefix = sys.argv[1]
os.environ["HRINET_LIBRARY"] = os.path.join(prefix, "lib", "libhrinet.so")
sys.path.insert(0, os.path.join(prefix, "lib", "python"))
import hrinet  # noqa: E402

SHAPE, GAP, MATRIX = (60, 512, 512), 6, np.diag([0.8, 0.8, 2.5, 1.0])


def timed(image, labels, slices):
    found = []
    for _ in range(5):
        start = time.perf_counter(), time.process_time()
        hrinet.fill(image, labels, MATRIX, slices=slices)
        found.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return min(found)


k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
noise = np.random.default_rng(0).normal(0, 30, SHAPE)
print("| ball, diameter | whole | after one slice |")
print("| --- | --- | --- |")
for radius in (25, 100):
    ball = ((k - 30) * radius / 28) ** 2 + (j - 250) ** 2 + (i - 260) ** 2 <= radius**2
    image = (noise + 60 * ball).astype(np.int16)
    drawn = ball.astype(np.uint8)
    drawn[np.arange(SHAPE[0]) % GAP > 0] = 0
    whole = timed(image, drawn, None)
    drawn[33] = ball[33]
    # Two drawn slices on each side.
    part = timed(image, drawn, (24, 43))
    cells = (f"{wall:.2f} s ({cpu:.2f} s)" for wall, cpu in (whole, part))
    print(f"| {2 * radius} pixels | {' | '.join(cells)} |", flush=True)
