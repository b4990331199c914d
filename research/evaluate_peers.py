"""Other interpolation methods, evaluated as `hrinet evaluate` does and in the same run.

Usage: evaluate_peers.py PROGRAM [--gap N,N] [--slices FIRST-LAST] CT...

Prints a table: mean over volumes of the mean over slices of PSNR and SSIM (window -1000 to
1000 HU), and seconds per interpolated slice on one thread. Fails if the scores of the linear blend
computed here differ from the program's.

The windowed sinc is computed here as a matrix product along the slice axis, so its seconds are not
those of ITK's own filter, which works in three dimensions and is far slower.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import SimpleITK as sitk
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from rife import Rife

OURS = ("linear", "cubic", "hrinet-motion-small", "hrinet-motion")
torch.set_num_threads(1)
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def grey(hu):
    return (np.clip(hu, -1000, 1000) + 1000) / 2000


def linear(first, second, alphas):
    return [(1 - alpha) * first + alpha * second for alpha in alphas]


RADIUS = 5  # SimpleITK's sitkLanczosWindowedSinc


def windowed_sinc(hu, gap):
    """Interpolates the volume with ITK's Lanczos window along the slice axis. In the plane, output
    pixels coincide with input pixels, where the filter is the identity."""
    known = hu[::gap]
    weights = np.zeros(((len(known) - 1) * gap + 1, len(known)))
    for k, row in enumerate(weights):
        for near in range(k // gap - RADIUS + 1, k // gap + RADIUS + 1):
            apart = k / gap - near
            row[min(max(near, 0), len(known) - 1)] += np.sinc(apart) * np.sinc(apart / RADIUS)
    return (weights @ known.reshape(len(known), -1)).reshape(-1, *hu.shape[1:])


def check_windowed_sinc(hu, gap):
    """Checks against ITK's three-dimensional filter, away from the volume's border."""
    part = hu[:, :24, :24]
    known = sitk.GetImageFromArray(part[::gap].astype(np.float32))
    known.SetSpacing((1, 1, gap))
    size = (*known.GetSize()[:2], (known.GetSize()[2] - 1) * gap + 1)
    itk = sitk.GetArrayFromImage(
        sitk.Resample(
            known,
            size,
            sitk.Transform(),
            sitk.sitkLanczosWindowedSinc,
            known.GetOrigin(),
            (1, 1, 1),
        )
    )
    ours = windowed_sinc(part, gap)
    inner = (slice(None), slice(8, 16), slice(8, 16))
    assert np.abs(itk[inner] - ours[inner]).max() < 0.1, np.abs(itk[inner] - ours[inner]).max()


def interpolated_by(name, method, hu, gap):
    """The interpolated slices, and the seconds that they took."""
    start = time.perf_counter()
    if name == "windowed sinc":
        whole = windowed_sinc(hu, gap)
        interpolated = [whole[k] for k in range(len(whole)) if k % gap]
    else:
        alphas = [step / gap for step in range(1, gap)]
        interpolated = [
            plane
            for first in range(0, len(hu) - 1, gap)
            for plane in method(hu[first], hu[first + gap], alphas)
        ]
    return interpolated, time.perf_counter() - start


def scores(truth, interpolated):
    psnr, ssim = [], []
    for true, plane in zip(truth, interpolated, strict=True):
        true, plane = grey(true) * 255, grey(plane) * 255
        psnr.append(peak_signal_noise_ratio(true, plane, data_range=255))
        ssim.append(
            structural_similarity(
                true,
                plane,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )
    return np.mean(psnr), np.mean(ssim)


parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--gap", default="2,3,6")
parser.add_argument("--slices")
parser.add_argument("files", nargs="+")
asked = parser.parse_args()

with tempfile.TemporaryDirectory() as place:
    report = pathlib.Path(place, "scores.json")
    part = ["--slices", asked.slices] if asked.slices else []
    subprocess.run(
        [
            asked.program,
            "evaluate",
            "--data",
            *asked.files,
            "--gap",
            asked.gap,
            *part,
            "--models",
            ",".join(OURS),
            "--threads",
            "1",
            "--device",
            "cpu",
            "--quiet",
            "--json",
            str(report),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ours = json.loads(report.read_text())

peers = {"linear": linear, "windowed sinc": None, "RIFE": Rife()}
print("| gap | model | PSNR dB | SSIM | s a slice |")
print("| --- | --- | --- | --- | --- |")
for gap in map(int, asked.gap.split(",")):
    found = {name: [] for name in peers}
    for file in asked.files:
        hu = sitk.GetArrayFromImage(sitk.ReadImage(file)).astype(float)
        if asked.slices:
            first, last = map(int, asked.slices.split("-"))
            hu = hu[first : last + 1]
        hu = hu[: (len(hu) - 1) // gap * gap + 1]
        truth = [hu[k] for k in range(len(hu)) if k % gap]
        check_windowed_sinc(hu, gap)
        for name, method in peers.items():
            interpolated, seconds = interpolated_by(name, method, hu, gap)
            found[name].append((*scores(truth, interpolated), seconds / len(interpolated)))
    rows = {name: np.mean(found[name], axis=0) for name in peers}
    for model in OURS:
        lines = [line for line in ours["volumes"] if (line["gap"], line["model"]) == (gap, model)]
        keys = ("psnr", "ssim", "seconds_a_slice")
        row = [np.mean([line[key] for line in lines]) for key in keys]
        if model == "linear":
            # The program rounds to whole HU.
            apart = np.abs(np.array(row[:2]) - rows["linear"][:2])
            assert apart[0] < 0.005 and apart[1] < 0.0001, (row, rows["linear"])
        rows[model] = row
    for name in ("linear", "cubic", "windowed sinc", "RIFE", *OURS[2:]):
        psnr, ssim, seconds = rows[name]
        print(f"| {gap} | {name} | {psnr:.2f} | {ssim:.3f} | {seconds:.3f} |", flush=True)
