"""Recomputes the figures of `hrinet evaluate` for linear and cubic with SciPy and scikit-image.

Usage: cli_evaluate.py VOLUME SCORES.json
"""

import json
import sys

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import CubicSpline
from scipy.ndimage import generic_filter, uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

hu = sitk.GetArrayFromImage(sitk.ReadImage(sys.argv[1])).astype(float)
grey = lambda x: (np.clip(x, -1000, 1000) + 1000) / 2000 * 255
scores = json.load(open(sys.argv[2]))
lines = scores["volumes"]
positions = tissues = 0


def check_tissues(truth, made, gap, model):
    """Checks bias and noise where the mean of the true slice over 5 x 5 pixels is in a tissue's
    range, and bias where that of the interpolated slice is."""
    inner = (slice(None), slice(2, -2), slice(2, -2))
    box = lambda x: uniform_filter(x, size=(1, 5, 5))
    deviation = lambda x: np.sqrt(np.maximum(box(x**2) - box(x) ** 2, 0))[inner]
    # The shortcut by squares against the definition, on a corner of one slice.
    corner = truth[0, :12, :12]
    assert np.allclose(generic_filter(corner, np.std, 5)[2:-2, 2:-2], deviation(corner[None])[0])
    # HU are whole numbers: so is their sum over 25 pixels, and ranges end exactly.
    mean, noise = np.round(box(truth) * 25)[inner] / 25, [deviation(made), deviation(truth)]
    shown = np.round(box(made) * 25)[inner] / 25
    checked = 0
    for line in scores["tissues"]:
        if (line["gap"], line["model"]) == (gap, model):
            at = (mean >= line["low_hu"]) & (mean <= line["high_hu"])
            assert line["voxels"] == at.sum(), (line, at.sum())
            assert abs(line["bias_hu"] - (made - truth)[inner][at].mean()) < 1e-6, line
            assert abs(line["noise_ratio"] - noise[0][at].sum() / noise[1][at].sum()) < 1e-6, line
            at = (shown >= line["low_hu"]) & (shown <= line["high_hu"])
            assert line["shown_voxels"] == at.sum(), (line, at.sum())
            assert abs(line["shown_bias_hu"] - (made - truth)[inner][at].mean()) < 1e-6, line
            checked += 1
    return checked


def check_positions(of_slices, dropped, gap, model):
    """Checks the means over the dropped slices that are as many steps from a known one."""
    checked = 0
    for line in scores["positions"]:
        if (line["gap"], line["model"]) == (gap, model):
            for name, values in of_slices.items():
                value = np.mean(values[dropped % gap == line["position"]])
                assert abs(line[name] - value) < 1e-4, (line, name, value)
            checked += 1
    assert checked == gap - 1
    return checked


for line in lines:
    gap = line["gap"]
    last = (len(hu) - 1) // gap * gap
    known = np.arange(0, last + 1, gap)
    dropped = np.setdiff1d(np.arange(last + 1), known)
    if line["model"] == "linear":
        left = dropped // gap * gap
        weight = ((dropped - left) / gap)[:, None, None]
        made = (1 - weight) * hu[left] + weight * hu[left + gap]
    else:
        # ITK's and SciPy's B-spline with mirrored ends: level at both ends.
        made = CubicSpline(known, hu[known], bc_type="clamped")(dropped)
        made = np.clip(made, hu[known].min(), hu[known].max())
    # int16 goes in, int16 comes out; halves away from zero.
    made = np.sign(made) * np.floor(np.abs(made) + 0.5)
    truth = hu[dropped]
    pairs = list(zip(grey(truth), grey(made)))
    ssim = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    of_slices = {
        "psnr": [peak_signal_noise_ratio(t, m, data_range=255) for t, m in pairs],
        "ssim": [structural_similarity(t, m, **ssim) for t, m in pairs],
        "rmse": [np.sqrt(np.mean((t - m) ** 2)) for t, m in pairs],
        "bias_hu": np.mean(made - truth, axis=(1, 2)),
        "mean_absolute_hu": np.mean(np.abs(made - truth), axis=(1, 2)),
    }
    of_slices = {name: np.asarray(values) for name, values in of_slices.items()}
    assert line["slices"] == len(dropped)
    for name, values in of_slices.items():
        assert abs(line[name] - values.mean()) < 1e-4, (line, name, values.mean())
    positions += check_positions(of_slices, dropped, gap, line["model"])
    tissues += check_tissues(truth, made, gap, line["model"])
assert tissues == len(scores["tissues"])
print(f"{len(lines)} lines, {positions} of positions and {tissues} of tissues agree")
