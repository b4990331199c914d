"""Scores of slices by scikit-image, for tests/it/metrics/skimage.rs.

Slices are files of doubles, NAME_ROWSxCOLUMNS.truth and .prediction, in HU.
score DIR LOW HIGH   {name: scores} of every pair in DIR, grey window LOW..HIGH, on stdout
ct FILE DIR          writes slices of a CT and the linear blend of their neighbours into DIR
"""

import json
import pathlib
import sys

import numpy as np
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity


def scores(truth, prediction, low, high):
    def grey(hu):
        return 255 * (np.clip(hu.astype(np.float64), low, high) - low) / (high - low)

    x, y = grey(truth), grey(prediction)
    similarity = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    error = prediction.astype(np.float64) - truth.astype(np.float64)
    return {
        "psnr": peak_signal_noise_ratio(x, y, data_range=255),
        "ssim": similarity,
        "rmse": np.sqrt(mean_squared_error(x, y)),
        "bias_hu": error.mean(),
        "mean_absolute_hu": np.abs(error).mean(),
    }


def ct(path, folder):
    import SimpleITK as sitk

    hu = sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(np.float64)
    for k in np.linspace(1, len(hu) - 2, 5).astype(int):
        name = f"{folder}/ct{k}_{hu.shape[1]}x{hu.shape[2]}"
        hu[k].tofile(f"{name}.truth")
        ((hu[k - 1] + hu[k + 1]) / 2).tofile(f"{name}.prediction")


def load(path):
    return np.fromfile(path).reshape([int(side) for side in path.stem.split("_")[1].split("x")])


if sys.argv[1] == "ct":
    ct(sys.argv[2], sys.argv[3])
else:
    folder, low, high = pathlib.Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    result = {
        truth.stem: scores(load(truth), load(truth.with_suffix(".prediction")), low, high)
        for truth in folder.glob("*.truth")
    }
    print(json.dumps(result))
