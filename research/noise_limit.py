"""Share of the difference to an SSIM of 1 that is noise which the known slices do not predict.

Usage: noise_limit.py PROGRAM [--gap N] [--model MODEL] CT...

Prints a table, a row per volume and their mean. Window -1000 to 1000 HU. Fails if SSIM differs from
that of `hrinet evaluate`.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

RANGE = 2000.0  # HU
CONTRAST = (0.03 * RANGE) ** 2  # SSIM's constant C2
BLUR = 2.5  # pixels; structures finer than this are detail


def blurred(plane):
    return gaussian_filter(plane, BLUR)


def local_variance(plane):
    """Local variance with the Gaussian weights of SSIM."""

    def mean(x):
        return gaussian_filter(x, 1.5, truncate=3.5)

    return mean(plane * plane) - mean(plane) ** 2


def flat_soft_tissue(first, truth, second):
    """Mask of soft tissue, equal in all three slices and without edges: its detail is noise."""
    known = [blurred(plane) for plane in (first, second)]
    middle = blurred(truth)
    same = np.all([np.abs(plane - middle) < 12 for plane in known], axis=0)
    return same & (np.abs(middle) < 150) & (np.hypot(*np.gradient(middle)) < 4)


def predictable(first, truth, second, flat):
    """Share of the noise variance that the best linear predictor from the known slices explains."""
    detail = np.cov([(plane - blurred(plane))[flat] for plane in (truth, first, second)])
    return detail[0, 1:] @ np.linalg.solve(detail[1:, 1:], detail[0, 1:]) / detail[0, 0]


def explained(interpolated, truth, flat):
    """Share of the noise variance that an interpolated slice explains."""
    true, found = ((plane - blurred(plane))[flat] for plane in (truth, interpolated))
    return 1 - np.mean((true - found) ** 2) / np.var(true)


def similarity(truth, interpolated):
    """SSIM of a slice, and its map."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(
        truth + 1000, interpolated + 1000, data_range=RANGE, full=True, **options
    )


def of_slice(first, truth, interpolated, second):
    """SSIM as measured, and None or (noise in HU, share that is predictable, share that the model
    explains, SSIM, SSIM with all but the unpredictable noise right).

    None where there is too little soft tissue.
    """
    ssim, ssim_map = similarity(truth, interpolated)
    flat = flat_soft_tissue(first, truth, second)
    if flat.sum() < 300:
        return ssim, None
    share = predictable(first, truth, second, flat)
    variance = local_variance(truth)
    noise = np.minimum(np.median(variance[flat]), variance)
    structure = variance - noise
    guessed = structure + share * noise
    possible = (2 * guessed + CONTRAST) / (guessed + variance + CONTRAST)
    middle = blurred(truth)
    soft = (middle > -150) & (middle < 300)
    deviation = np.std((truth - blurred(truth))[flat])
    possible = np.where(soft, possible, ssim_map).mean()
    return ssim, (deviation, share, explained(interpolated, truth, flat), ssim, possible)


def of_volume(program, path, gap, model):
    ct = sitk.ReadImage(path)
    last = (ct.GetSize()[2] - 1) // gap * gap
    truth = sitk.GetArrayFromImage(ct[:, :, : last + 1]).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        names = ("thick.nrrd", "fine.nrrd", "report.json")
        thick, fine, report = (f"{folder}/{name}" for name in names)
        sitk.WriteImage(ct[:, :, 0 : last + 1 : gap], thick)
        subprocess.run(
            [
                program,
                "resample",
                thick,
                fine,
                "-q",
                "--axis",
                "k",
                "--factor",
                str(gap),
                "--model",
                model,
            ],
            check=True,
        )
        interpolated = sitk.GetArrayFromImage(sitk.ReadImage(fine)).astype(float)
        subprocess.run(
            [
                program,
                "evaluate",
                "--data",
                path,
                "--gap",
                str(gap),
                "--models",
                model,
                "--json",
                report,
            ],
            check=True,
            capture_output=True,
        )
        says = json.loads(pathlib.Path(report).read_text())["mean"][0]["ssim"]
    truth, interpolated = (np.clip(voxels, -1000, 1000) for voxels in (truth, interpolated))
    slices = []
    for index in (index for index in range(last) if index % gap):
        first = index // gap * gap
        slices.append(of_slice(truth[first], truth[index], interpolated[index], truth[first + gap]))
    ssim = np.mean([ssim for ssim, _ in slices])
    assert abs(ssim - says) < 1e-3, f"{path}: SSIM is {ssim} here, {says} there"
    return np.mean([line for _, line in slices if line is not None], axis=0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--gap", type=int, default=2)
    arguments.add_argument("--model", default="hrinet-motion")
    arguments.add_argument("ct", nargs="+")
    options = arguments.parse_args()
    print("| volume | noise, HU | predictable | explained | SSIM | all but noise right |")
    print("| --- | --- | --- | --- | --- | --- |")
    row = "| {} | {:.1f} | {:.2f} | {:.2f} | {:.3f} | {:.3f} |"
    lines = []
    for path in options.ct:
        lines.append(of_volume(options.program, path, options.gap, options.model))
        print(row.format(pathlib.Path(path).name.split(".")[0], *lines[-1]))
    print(row.format("mean", *np.mean(lines, axis=0)))


main()
