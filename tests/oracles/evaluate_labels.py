"""Label maps between slices against drawn ones, beside SimpleITK's signed distances.

Usage: evaluate_labels.py PROGRAM FOLDER

Keeps every gap-th slice of each NAME_gtv.nii.gz, makes the others again, and compares the slices from
the first to the last that holds the label: Dice, Hausdorff distance (95th percentile over the surface
voxels of both, mm), volume error. Prints the mean over the masks.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, distance_transform_edt

GAPS = (2, 3, 6)
program, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def thinned(image, gap):
    """Every gap-th slice, up to the last whole group."""
    last = (image.GetSize()[2] - 1) // gap * gap
    return image[:, :, 0 : last + 1 : gap], last


def by_program(mask, gap, method):
    with tempfile.TemporaryDirectory() as place:
        at = lambda name: f"{place}/{name}.nii.gz"
        sitk.WriteImage(mask, at("mask"))
        sitk.WriteImage(sitk.Cast(mask, sitk.sitkInt16), at("image"))
        subprocess.run(
            [program, "resample", at("image"), at("out"), "--factor", str(gap), "--axis", "k",
             "--model", "linear", "--labels", at("mask"), at("labels"), "--labels-method", method, "-q"],
            check=True,
        )
        return sitk.GetArrayFromImage(sitk.ReadImage(at("labels"))) > 0


def by_simple_itk(mask, gap):
    """The signed Maurer distance of each slice, blended between neighbours."""
    distances = [
        sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(mask[:, :, k], squaredDistance=False, useImageSpacing=True)
        )
        for k in range(mask.GetSize()[2])
    ]
    known = sitk.GetArrayFromImage(mask) > 0
    made = []
    for k in range((len(known) - 1) * gap + 1):
        first, step = divmod(k, gap)
        if step == 0:
            made.append(known[first])
            continue
        # A slice without the label has no distances: nothing there.
        blend = (1 - step / gap) * distances[first] + step / gap * distances[first + 1]
        both = known[first].any() and known[first + 1].any()
        made.append(blend <= 0 if both else np.zeros_like(known[0]))
    return np.array(made)


def scores(truth, made, spacing):
    slices = np.flatnonzero(truth.any(axis=(1, 2)))
    part = slice(max(slices[0] - 1, 0), slices[-1] + 2)
    dice = 2 * (truth & made)[part].sum() / (truth[part].sum() + made[part].sum())
    surfaces = [each & ~binary_erosion(each) for each in (truth, made)]
    far = [distance_transform_edt(~each, sampling=spacing[::-1]) for each in surfaces]
    apart = np.concatenate([far[1][surfaces[0]], far[0][surfaces[1]]])
    return dice, np.percentile(apart, 95), made.sum() / truth.sum() - 1


print("| gap | method | masks | Dice | HD95 mm | volume error |")
print("| --- | --- | --- | --- | --- | --- |")
for gap in GAPS:
    rows = {}
    for path in sorted(folder.glob("*_gtv.nii.gz")):
        image = sitk.ReadImage(str(path)) > 0
        mask, last = thinned(image, gap)
        if mask.GetSize()[2] < 2 or not sitk.GetArrayViewFromImage(mask).any():
            continue
        truth = sitk.GetArrayFromImage(image)[: last + 1] > 0
        made = {method: by_program(mask, gap, method) for method in ("nearest", "shape")}
        made["SimpleITK signed distance"] = by_simple_itk(mask, gap)
        for method, labels in made.items():
            rows.setdefault(method, []).append(scores(truth, labels, image.GetSpacing()))
    for method, values in rows.items():
        dice, far, error = np.mean(values, axis=0)
        print(f"| {gap} | {method} | {len(values)} | {dice:.4f} | {far:.2f} | {100 * error:+.1f} % |")
