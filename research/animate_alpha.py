"""An animation of two slices blended by models while alpha goes from 0 to 1 and back."""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw

TITLE = 16
MILLISECONDS = 120


def arguments():
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ct")
    parser.add_argument("out")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--hrinet", required=True)
    parser.add_argument("--first", type=int, help="slice of alpha 0; -1: around the middle")
    parser.add_argument("--gap", type=int, help="slices from alpha 0 to alpha 1")
    parser.add_argument("--side", type=int, help="pixels that slices are scaled to; 0: as they are")
    parser.add_argument("--steps", type=int, help="images from alpha 0 to alpha 1")
    parser.add_argument("--square", help="ROW,COLUMN,SIDE of the part to show; empty: all")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def scaled(image, side):
    """Scales the planes of an image to side x side pixels (linear, after smoothing)."""
    columns, rows, slices = image.GetSize()
    if not side:
        return image
    spacing = image.GetSpacing()
    new = [spacing[0] * columns / side, spacing[1] * rows / side, spacing[2]]
    image = sitk.Cast(image, sitk.sitkFloat32)
    for axis in range(2):
        if new[axis] > spacing[axis]:
            image = sitk.RecursiveGaussian(image, 0.4 * new[axis], direction=axis)
    origin = image.TransformContinuousIndexToPhysicalPoint(
        [0.5 * (new[axis] / spacing[axis] - 1) for axis in range(2)] + [0.0]
    )
    return sitk.Resample(
        image,
        [side, side, slices],
        sitk.Transform(),
        sitk.sitkLinear,
        origin,
        new,
        image.GetDirection(),
        -1000.0,
    )


def two_slices(options, folder):
    """Writes the two slices as a CT of its own; returns its path."""
    image = sitk.ReadImage(options.ct)
    first = options.first if options.first >= 0 else (image.GetSize()[2] - options.gap) // 2
    last = first + options.gap
    pair = scaled(image[:, :, first : last + 1 : options.gap], options.side)
    path = Path(folder) / "pair.nrrd"
    sitk.WriteImage(sitk.Cast(sitk.Round(pair), sitk.sitkInt16), str(path))
    return path


def frames_of(model, pair, options, folder):
    """Interpolates between the two slices; returns one grey image per alpha."""
    output = Path(folder) / "output.nrrd"
    command = [options.hrinet, "resample", pair, output, "--factor", options.steps]
    command += ["--model", model, "--detail-carry", "false", "--overwrite", "-q"]
    if options.threads:
        command += ["--threads", options.threads]
    subprocess.run([str(word) for word in command], check=True)
    hu = sitk.GetArrayFromImage(sitk.ReadImage(str(output))).astype(np.float64)
    grey = np.round(255 * (np.clip(hu, -1000, 1000) + 1000) / 2000).astype(np.uint8)
    if not options.square:
        return grey
    row, column, side = (int(number) for number in options.square.split(","))
    part = grey[:, row : row + side, column : column + side]
    factor = max(1, grey.shape[1] // side)
    return part.repeat(factor, axis=1).repeat(factor, axis=2)


def main():
    """Writes the animation: one column a model, its name above."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        pair = two_slices(options, folder)
        columns = {
            Path(model).stem: frames_of(model, pair, options, folder) for model in options.models
        }
    count, height, width = next(iter(columns.values())).shape
    frames = []
    for index in range(count):
        frame = Image.new("L", (len(columns) * (width + 4) - 4, height + TITLE), 255)
        pen = ImageDraw.Draw(frame)
        for number, (name, greys) in enumerate(columns.items()):
            left = number * (width + 4)
            pen.text((left + 2, 2), f"{name}  {index / (count - 1):.2f}", fill=0)
            frame.paste(Image.fromarray(greys[index]), (left, TITLE))
        frames.append(frame)
    frames += frames[-2:0:-1]
    frames[0].save(
        options.out, save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0
    )


if __name__ == "__main__":
    main()
