"""Other interpolation methods, evaluated as `hrinet evaluate` does and in the same run.

Usage: evaluate_peers.py PROGRAM [--gap N,N] [--slices FIRST-LAST] [--thickness N]
                         [--peers NAME,NAME] [--models NAME,NAME] CT...

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
from saint import Saint
from soup_gan import SoupGan

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


def between_pairs(method):
    """A method that sees a pair of slices, as one that sees a volume."""

    def whole(hu, gap, _spacing):
        alphas = [step / gap for step in range(1, gap)]
        made = hu.copy()
        for first in range(0, len(hu) - 1, gap):
            made[first + 1 : first + gap] = method(hu[first], hu[first + gap], alphas)
        return made

    return whole


PEERS = {
    "linear": lambda: between_pairs(linear),
    "windowed-sinc": lambda: lambda hu, gap, _spacing: windowed_sinc(hu, gap),
    "rife": lambda: between_pairs(Rife()),
    "saint": Saint,
    "soup-gan": SoupGan,
}


def averaged(hu, thickness):
    """Running averages of consecutive slices, rounded as a scanner stores them."""
    count = len(hu) - thickness + 1
    return np.round(sum(hu[k : k + count] for k in range(thickness)) / thickness)


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


def asked_for():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--gap", default="2,3,6")
    parser.add_argument("--slices")
    parser.add_argument("--thickness", type=int, default=1)
    parser.add_argument("--peers", default="linear,windowed-sinc,rife")
    parser.add_argument("--models", default="linear,cubic,hrinet-motion-small,hrinet-motion")
    parser.add_argument("files", nargs="+")
    return parser.parse_args()


def scores_of_program(asked):
    """PSNR, SSIM and seconds a slice of the program's models, by gap and model."""
    part = ["--slices", asked.slices] if asked.slices else []
    if asked.thickness > 1:
        part += ["--thickness", str(asked.thickness)]
    options = ["--gap", asked.gap, "--models", asked.models, "--threads", "1", "--device", "cpu"]
    with tempfile.TemporaryDirectory() as place:
        report = pathlib.Path(place, "scores.json")
        command = [asked.program, "evaluate", "--data", *asked.files, *options, *part]
        command += ["--quiet", "--json", str(report)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        lines = json.loads(report.read_text())["volumes"]
    keys = ("psnr", "ssim", "seconds_a_slice")
    found = {}
    for line in lines:
        found.setdefault((line["gap"], line["model"]), []).append([line[key] for key in keys])
    return {each: np.mean(values, axis=0) for each, values in found.items()}


def volume(file, asked):
    """A volume in HU as the program evaluates it, and its spacing in mm."""
    image = sitk.ReadImage(file)
    hu = sitk.GetArrayFromImage(image).astype(float)
    if asked.slices:
        first, last = map(int, asked.slices.split("-"))
        hu = hu[first : last + 1]
    return averaged(hu, asked.thickness), image.GetSpacing()


def scores_of_peers(asked, peers, gap):
    """PSNR, SSIM and seconds a slice of the peers at a gap, the mean over volumes."""
    found = {name: [] for name in peers}
    for file in asked.files:
        hu, spacing = volume(file, asked)
        hu = hu[: (len(hu) - 1) // gap * gap + 1]
        inner = [k for k in range(len(hu)) if k % gap]
        if "windowed-sinc" in peers:
            check_windowed_sinc(hu, gap)
        for name, method in peers.items():
            start = time.perf_counter()
            made = method(hu, gap, spacing)
            seconds = (time.perf_counter() - start) / len(inner)
            found[name].append((*scores(hu[inner], made[inner]), seconds))
    return {name: np.mean(rows, axis=0) for name, rows in found.items()}


asked = asked_for()
ours = scores_of_program(asked)
peers = {name: PEERS[name]() for name in asked.peers.split(",")}
print("| gap | model | PSNR dB | SSIM | s a slice |")
print("| --- | --- | --- | --- | --- |")
for gap in map(int, asked.gap.split(",")):
    rows = scores_of_peers(asked, peers, gap)
    for model in asked.models.split(","):
        row = ours[gap, model]
        if model == "linear" and "linear" in rows:
            # The program rounds to whole HU.
            apart = np.abs(row[:2] - rows["linear"][:2])
            assert apart[0] < 0.005 and apart[1] < 0.0001, (row, rows["linear"])
        rows[model] = row
    for name, (psnr, ssim, seconds) in rows.items():
        print(f"| {gap} | {name} | {psnr:.2f} | {ssim:.3f} | {seconds:.3f} |", flush=True)
