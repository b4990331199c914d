"""Accuracy of `hrinet fill`, beside nearest slices, shapes, SimpleITK's signed distances and ITK's
contour interpolation, which do not look at the image.

Usage: evaluate_fill.py PROGRAM KIND FILE...

KIND is that of evaluate_labels.py. Labels are kept on every gap-th slice, the image on all; the
others are filled and all slices compared with the truth: Dice, Hausdorff distance (95th percentile,
mm), volume error. Prints the means over all labels of all files, and seconds per label map.
"""

import json
import subprocess
import sys
import tempfile
import time

import numpy as np
import SimpleITK as sitk

from label_comparison import ContourInterpolation, Table, by_simple_itk, cases, thinned

GAPS = (3, 6, 10)
program, kind, files = sys.argv[1], sys.argv[2], sys.argv[3:]


def by_fill(ct, labels, gap):
    sparse = sitk.GetArrayFromImage(labels)
    sparse[np.arange(len(sparse)) % gap > 0] = 0
    image = sitk.GetImageFromArray(sparse)
    image.CopyInformation(labels)
    with tempfile.TemporaryDirectory() as place:
        sitk.WriteImage(image, f"{place}/labels.nrrd")
        sitk.WriteImage(ct, f"{place}/image.nrrd")
        names = [f"{place}/{name}.nrrd" for name in ("image", "labels", "out")]
        done = subprocess.run(
            [program, "fill", *names, "--json", "-"], check=True, capture_output=True, text=True
        )
        seconds = json.loads(done.stdout)["fill_seconds"]
        return sitk.GetArrayFromImage(sitk.ReadImage(names[2])), seconds


def by_shape(known, gap, method):
    with tempfile.TemporaryDirectory() as place:
        names = [f"{place}/{name}.nrrd" for name in ("labels", "unused", "made")]
        sitk.WriteImage(known, names[0])
        options = ["--factor", str(gap), "--axis", "k", "--model", "linear"]
        options += ["--labels", names[0], names[2], "--labels-method", method]
        start = time.perf_counter()
        subprocess.run([program, "resample", *names[:2], *options], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        return sitk.GetArrayFromImage(sitk.ReadImage(names[2])), seconds


itk = ContourInterpolation()
Table.print_head()
for gap in GAPS:
    table = Table(kind, gap)
    for ct, image in cases(kind, files):
        known, last = thinned(image, gap)
        truth = sitk.GetArrayFromImage(image)[: last + 1]
        values = np.unique(sitk.GetArrayFromImage(known))
        if len(values) < 2 or known.GetSize()[2] < 2:
            continue
        filled = {method: by_shape(known, gap, method) for method in ("nearest", "shape")}
        filled["SimpleITK signed distance"] = by_simple_itk(known, gap)
        filled["ITK contour interpolation"] = itk.fill(sitk.GetArrayFromImage(known), gap)
        filled["fill"] = by_fill(ct[:, :, : last + 1], image[:, :, : last + 1], gap)
        table.add(truth, values[1:], image.GetSpacing(), filled)
    table.print()
itk.end()
