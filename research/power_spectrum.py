"""Power spectra of interpolated slices over those of the true ones, as a table and a plot.

Usage: power_spectrum.py PROGRAM [options] CT..., see research/power-spectrum.

Spectra are of HU clipped to -1000 to 1000, under a Hann window: of each interpolated slice, radial,
and along the slice axis, of all slices of the output, where interpolated and known ones alternate.
Power is summed over slices (pixels) and volumes before it is divided.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

# Frequencies of the plot, cycles per pixel or slice: eighths of an octave below 1/2.
EDGES = 0.5 * 2.0 ** np.arange(-5, 1 / 16, 1 / 8)
OCTAVES = [(0.25, 0.5), (0.125, 0.25), (0.0625, 0.125), (0.03125, 0.0625)]
COLOURS = ["#777777", "#bbbb33", "#3366cc", "#cc3333", "#33aa55", "#aa44bb", "#ee8822", "#22aaaa"]


def hann(length):
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)


def summed(frequency, power):
    """Power within each two neighbouring edges."""
    return np.histogram(frequency, EDGES, weights=power)[0]


def in_plane(planes):
    """Power of planes by radius of the frequency."""
    rows, columns = planes.shape[1:]
    window = np.outer(hann(rows), hann(columns))
    y, x = np.meshgrid(np.fft.fftfreq(rows), np.fft.rfftfreq(columns), indexing="ij")
    # The other half of the plane is the same.
    weight = np.where((x == 0) | (x == 0.5), 1, 2)
    radius = np.hypot(x, y)
    total = np.zeros(len(EDGES) - 1)
    for plane in planes:
        power = np.abs(np.fft.rfft2((plane - plane.mean()) * window)) ** 2
        total += summed(radius, weight * power)
    return total / (window**2).sum() / (rows * columns)


def along_slices(volume):
    """Power along the slice axis."""
    window = hann(len(volume))[:, None, None]
    spectrum = np.fft.rfft((volume - volume.mean(axis=0)) * window, axis=0)
    power = (np.abs(spectrum) ** 2).mean(axis=(1, 2))
    frequency = np.fft.rfftfreq(len(volume))
    return summed(frequency, 2 * power / (window**2).sum() / len(volume))


def clipped(image):
    return np.clip(sitk.GetArrayFromImage(image).astype(float), -1000, 1000)


def prepared(file, asked):
    """The CT, with the planes and slices that are asked for, up to the last whole group."""
    image = sitk.ReadImage(file)
    if asked.slices:
        first, last = map(int, asked.slices.split("-"))
        image = image[:, :, first : last + 1]
    columns, rows, slices = image.GetSize()
    image = image[:, :, : (slices - 1) // asked.gap * asked.gap + 1]
    if asked.resize:
        pixel = [image.GetSpacing()[k] * image.GetSize()[k] / asked.resize for k in (0, 1)]
        size = (asked.resize, asked.resize, image.GetSize()[2])
        spacing = (*pixel, image.GetSpacing()[2])
        options = (sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing)
        image = sitk.Resample(image, size, *options)
    return image


def interpolated(known, model, asked, folder):
    """The known slices and those that a model puts between them."""
    given, made = str(folder / "known.nii.gz"), str(folder / "made.nii.gz")
    sitk.WriteImage(known, given)
    command = [asked.program, "resample", given, made, "--model", model, "--overwrite", "--quiet"]
    command += ["--factor", str(asked.gap), "--axis", "k", "--threads", asked.threads]
    command += ["--detail-carry", asked.detail_carry]
    subprocess.run(command, check=True)
    return sitk.ReadImage(made)


def measure(asked):
    """Sums of power by model, the truth first: in the plane, along the slice axis."""
    models = asked.models.split(",")
    sums = {name: np.zeros((2, len(EDGES) - 1)) for name in ("truth", *models)}
    for file in asked.files:
        image = prepared(file, asked)
        truth = clipped(image)
        inner = np.arange(len(truth)) % asked.gap != 0
        sums["truth"] += in_plane(truth[inner]), along_slices(truth)
        known = image[:, :, :: asked.gap]
        with tempfile.TemporaryDirectory() as folder:
            for model in models:
                volume = clipped(interpolated(known, model, asked, pathlib.Path(folder)))
                assert volume.shape == truth.shape, (model, volume.shape, truth.shape)
                sums[model] += in_plane(volume[inner]), along_slices(volume)
    return sums


def octave(power, low, high):
    return power[(EDGES[:-1] >= low * 0.999) & (EDGES[1:] <= high * 1.001)].sum()


def table(sums):
    """Lines of Markdown, and the shares of each octave."""
    columns = [(which, band) for which in (0, 1) for band in OCTAVES]
    words = [f"{'along' if which else 'in plane'} 1/{1 / high:.0f}" for which, (_, high) in columns]
    lines = ["| | " + " | ".join(words) + " |", "| --- " * (len(words) + 1) + "|"]
    shares = {}
    for name, power in sums.items():
        values = [octave(power[k], *band) / octave(sums["truth"][k], *band) for k, band in columns]
        shares[name] = dict(zip(words, values, strict=True))
        if name != "truth":
            short = pathlib.Path(name).name.removesuffix(".safetensors")
            lines.append(f"| {short} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return lines, shares


def draw(sums, path):
    """Two panels of shares by frequency; both axes are logarithmic."""
    scale, width, height, margin = 3, 430, 300, 55  # drawn larger, for smooth lines
    sheet = Image.new("RGB", (scale * 2 * width, scale * height), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11 * scale)
    names = [name for name in sums if name != "truth"]
    for panel, title in enumerate(("in the plane (cycles/pixel)", "along slices (cycles/slice)")):
        left, right = scale * (panel * width + margin), scale * ((panel + 1) * width - 15)
        top, bottom = scale * 30, scale * (height - 40)

        def x(frequency, left=left, right=right):
            return left + (right - left) * (np.log2(frequency) + 6) / 5

        def y(share, top=top, bottom=bottom):
            return bottom - (bottom - top) * (np.log2(np.clip(share, 1 / 32, 4)) + 5) / 7

        for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4):
            shade = "black" if share == 1 else "#dddddd"
            pen.line([(left, y(share)), (right, y(share))], shade, scale)
            text = f"{share:.0f}" if share >= 1 else f"1/{1 / share:.0f}"
            pen.text((left - 5 * scale, y(share)), text, "black", font, anchor="rm")
        for power in range(-6, 0):
            pen.line([(x(2.0**power), top), (x(2.0**power), bottom)], "#dddddd", scale)
            text = f"1/{2**-power}"
            pen.text((x(2.0**power), bottom + 5 * scale), text, "black", font, anchor="mt")
        pen.text((left, 8 * scale), f"share of the truth's power {title}", "black", font)
        middle = np.sqrt(EDGES[:-1] * EDGES[1:])
        for index, name in enumerate(names):
            known = sums["truth"][panel] > 0
            share = sums[name][panel][known] / sums["truth"][panel][known]
            points = [(x(f), y(s)) for f, s in zip(middle[known], share, strict=True)]
            colour = COLOURS[index % len(COLOURS)]
            pen.line(points, colour, 2 * scale, joint="curve")
            if panel == 0:
                short = pathlib.Path(name).name.removesuffix(".safetensors")
                place = (left + 8 * scale, bottom - (14 * (len(names) - index) + 4) * scale)
                pen.text(place, short, colour, font)
    sheet.resize((2 * width, height), Image.LANCZOS).save(path)


parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--gap", type=int, default=6)
parser.add_argument("--models", default="linear,cubic,hrinet-motion,hrinet-motion-sharp")
parser.add_argument("--resize", type=int)
parser.add_argument("--slices")
parser.add_argument("--detail-carry", default="true", choices=("true", "false"))
parser.add_argument("--threads", default="1")
parser.add_argument("--out", default="runs/power-spectrum")
parser.add_argument("files", nargs="+")
asked = parser.parse_args()

sums = measure(asked)
lines, shares = table(sums)
print("\n".join(lines))
out = pathlib.Path(asked.out)
out.mkdir(parents=True, exist_ok=True)
draw(sums, out / "power-spectrum.png")
spectra = {name: power.tolist() for name, power in sums.items()}
report = {"edges": EDGES.tolist(), "power": spectra, "octaves": shares}
(out / "power-spectrum.json").write_text(json.dumps(report, indent=1) + "\n")
