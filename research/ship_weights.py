"""Rounds the generator of a checkpoint to float16 and measures what that changes.

Layout and checksum are those of docs/reference/checkpoints.md.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from safetensors import safe_open
from safetensors.numpy import save_file

SLICES = 13


def generator(path):
    """Returns the generator's tensors, and the header without training settings."""
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["hrinet"])
        names = [name for name in file.keys() if name.startswith("generator.")]
        tensors = {name: file.get_tensor(name) for name in names}
    header.pop("training", None)
    return tensors, header


def rounded(path):
    """Returns the generator's tensors as float16, and the header without training settings."""
    tensors, header = generator(path)
    tensors = {name: values.astype(np.float16) for name, values in tensors.items()}
    too_large = [name for name, values in tensors.items() if not np.isfinite(values).all()]
    if too_large:
        sys.exit(f"{path}: weights beyond float16 in {', '.join(too_large)}")
    return tensors, header


def checksum(tensors):
    """Returns the SHA-256 over length and bytes of each name and tensor, by name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        data = tensors[name].tobytes()
        for part in (name.encode(), data):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def write(path, tensors, header):
    """Writes a checkpoint with the checksum of its tensors."""
    header["weights_sha256"] = checksum(tensors)
    save_file(tensors, path, {"hrinet": json.dumps(header)})


def interpolate(hrinet, model, ct, folder):
    """Returns the voxels of three times as many slices by a model, without detail carry."""
    output = Path(folder) / "output.nrrd"
    command = [hrinet, "resample", ct, output, "--factor", "3", "--model", model]
    command += ["--detail-carry", "false", "--overwrite", "-q"]
    subprocess.run([str(word) for word in command], check=True)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(output))).astype(np.float64)


def main(source, target, ct, hrinet):
    tensors, header = rounded(source)
    write(target, tensors, header)
    image = sitk.ReadImage(ct)
    middle = image.GetSize()[2] // 2
    with tempfile.TemporaryDirectory() as folder:
        part = str(Path(folder) / "part.nrrd")
        # Not rounded to whole HU.
        slices = sitk.Cast(image[:, :, middle : middle + SLICES], sitk.sitkFloat32)
        sitk.WriteImage(slices, part)
        full, half = (interpolate(hrinet, model, part, folder) for model in (source, target))
    difference = np.abs(full - half)
    print(
        f"{target}: {Path(target).stat().st_size} bytes, SHA-256 of the weights "
        f"{header['weights_sha256']}; at most {difference.max():.2f} HU and "
        f"{difference.mean():.3f} HU in the mean from float32"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
