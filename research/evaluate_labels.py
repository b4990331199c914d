"""Accuracy of interpolated label maps, beside ITK's contour interpolation and SimpleITK's
signed distances.

Usage: evaluate_labels.py PROGRAM KIND FILE...

KIND: gtv (the mask NAME_gtv.nii.gz beside NAME.nii.gz), mask (mask.nii.gz beside the file: many
labels), or bone, lung, body (thresholds of the CT). Keeps every gap-th slice, interpolates the
others, and compares all slices with the truth: Dice, Hausdorff distance (95th percentile over
the surface voxels of both, mm; left out where the result is empty), volume error. Prints the
means over all labels of all files, and seconds per label map.
"""

import re
import subprocess
import sys
import tempfile

import numpy as np
import SimpleITK as sitk

from label_comparison import ContourInterpolation, Table, by_simple_itk, cases, thinned

GAPS = (2, 3, 6)
METHODS = ("nearest", "shape", "anatomy")
program, kind, files = sys.argv[1], sys.argv[2], sys.argv[3:]


def by_program(ct, labels, gap, method):
    with tempfile.TemporaryDirectory() as place:

        def at(name):
            return f"{place}/{name}.nrrd"

        sitk.WriteImage(labels, at("labels"))
        sitk.WriteImage(ct, at("image"))
        # The linear model takes no time; only `anatomy` reads the image.
        model = "hrinet-motion" if method == "anatomy" else "linear"
        done = subprocess.run(
            [
                program,
                "resample",
                at("image"),
                at("out"),
                "--factor",
                str(gap),
                "--axis",
                "k",
                "--model",
                model,
                "--labels",
                at("labels"),
                at("made"),
                "--labels-method",
                method,
                "--threads",
                "1",
                "--device",
                "cpu",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = float(re.search(r"labels in ([0-9.]+) s", done.stderr + done.stdout)[1])
        return sitk.GetArrayFromImage(sitk.ReadImage(at("made"))), seconds


itk = ContourInterpolation()
Table.print_head()
for gap in GAPS:
    table = Table(kind, gap)
    for ct, image in cases(kind, files):
        (known, last), (thin, _) = thinned(image, gap), thinned(ct, gap)
        truth = sitk.GetArrayFromImage(image)[: last + 1]
        values = np.unique(sitk.GetArrayFromImage(known))
        if len(values) < 2:
            continue
        interpolated = {method: by_program(thin, known, gap, method) for method in METHODS}
        interpolated["SimpleITK signed distance"] = by_simple_itk(known, gap)
        interpolated["ITK contour interpolation"] = itk.fill(sitk.GetArrayFromImage(known), gap)
        table.add(truth, values[1:], image.GetSpacing(), interpolated)
    table.print()
itk.end()
