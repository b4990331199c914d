"""Label maps of CTs, other programs and scores, for evaluate_labels.py and evaluate_fill.py."""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt, label


def cases(kind, files):
    """CT and label map of every file."""
    for path in map(pathlib.Path, files):
        ct = sitk.ReadImage(str(path))
        # A part of a long series is enough.
        ct = ct[:, :, 100:161] if ct.GetSize()[2] > 200 else ct
        yield ct, labels_of(ct, path, kind)


def labels_of(ct, path, kind):
    """Label map of a CT."""
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
    """Largest connected part of a mask."""
    parts, count = label(mask)
    return parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1 if count else mask


def thinned(image, gap):
    """Every gap-th slice, up to the last whole group."""
    last = (image.GetSize()[2] - 1) // gap * gap
    return image[:, :, 0 : last + 1 : gap], last


class ContourInterpolation:
    """ITK's morphological contour interpolation, by itk_contours.py in a process of its own."""

    def __init__(self):
        script = pathlib.Path(__file__).with_name("itk_contours.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def fill(self, known, gap):
        """Labels of every gap-th slice with those between, and the seconds taken."""
        spread = np.zeros(((len(known) - 1) * gap + 1, *known.shape[1:]), known.dtype)
        spread[::gap] = known
        with tempfile.TemporaryDirectory() as place:
            start, end = f"{place}/spread.npy", f"{place}/interpolated.npy"
            np.save(start, spread)
            print(start, end, sep="\t", file=self.process.stdin, flush=True)
            seconds = float(self.process.stdout.readline())
            return np.load(end), seconds

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0, "ITK's process failed"


def signed_distance(mask):
    """Signed distances of a mask, mm, negative inside."""
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
    """Dice, Hausdorff distance (95th percentile) and volume error of one label."""
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


class Table:
    """Scores and seconds of methods at one gap, as the rows of a table."""

    def __init__(self, kind, gap):
        self.kind, self.gap = kind, gap
        self.rows, self.seconds = {}, {}

    @staticmethod
    def print_head():
        print("| labels | gap | method | n | Dice | HD95 mm | volume error | s a map |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")

    def add(self, truth, values, spacing, found):
        """Scores each value of label maps, given with the seconds that they took, by method."""
        for method, (labels, seconds) in found.items():
            assert labels.shape == truth.shape
            self.seconds.setdefault(method, []).append(seconds)
            self.rows.setdefault(method, []).extend(
                scores(truth == value, labels == value, spacing) for value in values
            )

    def print(self):
        """Prints the means over all labels."""
        for method, rows in self.rows.items():
            dice, far, error = np.nanmean(rows, axis=0)
            print(
                f"| {self.kind} | {self.gap} | {method} | {len(rows)} | {dice:.4f} | {far:.2f} | "
                f"{100 * error:+.1f} % | {np.mean(self.seconds[method]):.2f} |",
                flush=True,
            )
