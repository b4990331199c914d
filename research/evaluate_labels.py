"""Accuracy of interpolated label maps, beside ITK's contour interpolation and SimpleITK's
signed distances.

Usage: evaluate_labels.py PROGRAM KIND FILE...

KIND: gtv (the mask NAME_gtv.nii.gz beside NAME.nii.gz), mask (mask.nii.gz beside the file: many
labels), or bone, lung, body (thresholds of the CT). Keeps every gap-th slice, interpolates the
others, and compares all slices with the truth: Dice, Hausdorff distance (95th percentile over
the surface voxels of both, mm; left out where the result is empty), volume error. Prints the
means over all labels of all files, and seconds per label map.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt, label

GAPS = (2, 3, 6)
METHODS = ("nearest", "shape", "anatomy")
program, kind, files = sys.argv[1], sys.argv[2], [pathlib.Path(name) for name in sys.argv[3:]]


def cases():
    """CT and label map of every file."""
    for path in files:
        ct = sitk.ReadImage(str(path))
        # A part of a long series is enough.
        ct = ct[:, :, 100:161] if ct.GetSize()[2] > 200 else ct
        yield ct, labels_of(ct, path)


def labels_of(ct, path):
    if kind == "gtv":
        return sitk.Cast(sitk.ReadImage(str(path).replace(".nii", "_gtv.nii")) > 0, sitk.sitkUInt8)
    if kind == "mask":
        return sitk.Cast(sitk.ReadImage(str(path.with_name("mask.nii.gz"))), sitk.sitkUInt8)
    hu = sitk.GetArrayFromImage(ct)
    segment = hu > 250
    if kind != "bone":
        body = np.array([binary_fill_holes(largest(plane > -400)) for plane in hu])
        segment = body if kind == "body" else body & (hu < -400)
    image = sitk.GetImageFromArray(segment.astype(np.uint8))
    image.CopyInformation(ct)
    return image


def largest(mask):
    parts, count = label(mask)
    return parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1 if count else mask


def thinned(image, gap):
    """Every gap-th slice, up to the last whole group."""
    last = (image.GetSize()[2] - 1) // gap * gap
    return image[:, :, 0 : last + 1 : gap], last


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


def by_itk(labels, gap):
    """Morphological contour interpolation, by itk_contours.py."""
    known = sitk.GetArrayFromImage(labels)
    spread = np.zeros(((len(known) - 1) * gap + 1, *known.shape[1:]), known.dtype)
    spread[::gap] = known
    with tempfile.TemporaryDirectory() as place:
        start, end = f"{place}/spread.npy", f"{place}/interpolated.npy"
        np.save(start, spread)
        print(start, end, sep="\t", file=itk.stdin, flush=True)
        seconds = float(itk.stdout.readline())
        return np.load(end), seconds


def signed_distance(mask):
    image = sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True)
    return sitk.GetArrayFromImage(image)


def by_simple_itk(labels, gap):
    """Linear blend of signed Maurer distances of each label, slice by slice."""
    known = sitk.GetArrayFromImage(labels)
    start = time.perf_counter()
    interpolated = np.zeros(((len(known) - 1) * gap + 1, *known.shape[1:]), known.dtype)
    deepest = np.zeros(interpolated.shape, np.float32)
    for value in np.unique(known[known > 0]):
        there = [(plane == value).any() for plane in known]
        distances = {
            k: signed_distance(labels[:, :, k] == int(value))
            for k in np.flatnonzero(there).tolist()
        }
        for k in range(len(interpolated)):
            first, step = divmod(k, gap)
            # A slice without the label has no distances.
            if step and there[first] and there[first + 1]:
                blend = (1 - step / gap) * distances[first] + step / gap * distances[first + 1]
                wins = (blend <= 0) & ((blend < deepest[k]) | (interpolated[k] == 0))
                interpolated[k][wins], deepest[k][wins] = value, blend[wins]
    interpolated[::gap] = known
    return interpolated, time.perf_counter() - start


def scores(truth, interpolated, spacing):
    either = np.argwhere(truth | interpolated)
    box = tuple(slice(max(low - 1, 0), high + 2) for low, high in zip(either.min(0), either.max(0)))
    truth, interpolated = truth[box], interpolated[box]
    dice = 2 * (truth & interpolated).sum() / (truth.sum() + interpolated.sum())
    error = interpolated.sum() / truth.sum() - 1
    if not interpolated.any():
        return dice, np.nan, error
    surfaces = [each & ~binary_erosion(each) for each in (truth, interpolated)]
    far = [distance_transform_edt(~each, sampling=spacing[::-1]) for each in surfaces]
    apart = np.concatenate([far[1][surfaces[0]], far[0][surfaces[1]]])
    return dice, np.percentile(apart, 95), error


script = pathlib.Path(__file__).with_name("itk_contours.py")
itk = subprocess.Popen(
    [sys.executable, str(script)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
print("| labels | gap | method | n | Dice | HD95 mm | volume error | s a map |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
for gap in GAPS:
    rows, seconds, lost = {}, {}, {}
    for ct, image in cases():
        (known, last), (thin, _) = thinned(image, gap), thinned(ct, gap)
        truth = sitk.GetArrayFromImage(image)[: last + 1]
        values = np.unique(sitk.GetArrayFromImage(known))
        if len(values) < 2:
            continue
        interpolated = {method: by_program(thin, known, gap, method) for method in METHODS}
        interpolated["SimpleITK signed distance"] = by_simple_itk(known, gap)
        interpolated["ITK contour interpolation"] = by_itk(known, gap)
        for method, (labels, time_taken) in interpolated.items():
            assert labels.shape == truth.shape
            seconds.setdefault(method, []).append(time_taken)
            rows.setdefault(method, []).extend(
                scores(truth == value, labels == value, image.GetSpacing()) for value in values[1:]
            )
    for method, found in rows.items():
        dice, far, error = np.nanmean(found, axis=0)
        print(
            f"| {kind} | {gap} | {method} | {len(found)} | {dice:.4f} | {far:.2f} | "
            f"{100 * error:+.1f} % | {np.mean(seconds[method]):.2f} |",
            flush=True,
        )
itk.stdin.close()
assert itk.wait() == 0, "ITK's process failed"
