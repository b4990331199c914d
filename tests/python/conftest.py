"""The installed package, and a phantom. HRINET_PREFIX names another tree than target/prefix."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = pathlib.Path(os.environ.get("HRINET_PREFIX") or ROOT / "target" / "prefix")
PACKAGE = PREFIX / "lib" / "python"
PROGRAM = str(PREFIX / "bin" / "hrinet")
# Bytecode would become part of the tree.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
os.environ.pop("HRINET_LIBRARY", None)
sys.path.insert(0, str(PACKAGE))

# Pixels of 0.75 mm, slices 3 mm apart, turned and shifted.
TURN = np.deg2rad(20)
IJK_TO_RAS = np.array(
    [
        [-0.75 * np.cos(TURN), 0.75 * np.sin(TURN), 0.0, 71.5],
        [-0.75 * np.sin(TURN), -0.75 * np.cos(TURN), 0.0, 203.25],
        [0.0, 0.0, 3.0, -412.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def blocks_of_the_guide(of_torch):
    """Blocks of Python of docs/how-to/python.md: those that need PyTorch, or all others."""
    text = (ROOT / "docs" / "how-to" / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    return [each for each in blocks if of_torch == ("torchio" in each or "monai" in each)]


def phantom(shape=(6, 40, 48), dtype=np.int16):
    """Body with an oblique vessel and noise, in HU, [k, j, i]."""
    k, j, i = np.meshgrid(*map(np.arange, shape), indexing="ij")
    middle_j, middle_i = shape[1] / 2, shape[2] / 2
    body = (j - middle_j) ** 2 + (i - middle_i) ** 2 < (0.4 * shape[1]) ** 2
    vessel = (j - middle_j + 6 - 2 * k) ** 2 + (i - middle_i + 8 - 3 * k) ** 2 < 16
    hu = np.where(body, 40.0, -1000.0)
    hu[vessel] = 300
    return (hu + np.random.default_rng(0).normal(0, 12, shape)).round().astype(dtype)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="also tests that install from PyPI")


@pytest.fixture
def ct():
    """Phantom of int16."""
    return phantom()


@pytest.fixture
def vessel(ct):
    """Label map of the phantom's vessel, 3 where it is."""
    return np.where(ct > 200, 3, 0).astype(np.uint8)


@pytest.fixture
def by_program(tmp_path):
    """Function that resamples voxels [k, j, i] with the program and returns those of the output."""
    import nibabel

    def run(array, *options, labels=None):
        command = [PROGRAM, "resample", "in.nii", "out.nii", "--threads", "1", "--overwrite"]
        nibabel.save(nibabel.Nifti1Image(array.T, IJK_TO_RAS), tmp_path / "in.nii")
        if labels is not None:
            nibabel.save(nibabel.Nifti1Image(labels.T, IJK_TO_RAS), tmp_path / "labels.nii")
            command += ["--labels", "labels.nii", "fine-labels.nii"]
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        name = "out.nii" if labels is None else "fine-labels.nii"
        return np.asarray(nibabel.load(tmp_path / name).dataobj).T

    return run
