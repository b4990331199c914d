"""Exported graphs in ONNX Runtime against the program, in float32, with the shipped weights."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import SimpleITK as sitk
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HRINET", ROOT / "target" / "release" / "hrinet")
FACTOR = 3


def export(*arguments):
    command = [sys.executable, ROOT / "research" / "export_onnx.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(
    scope="module", params=["hrinet-motion", "hrinet-motion-small", "hrinet-motion-sharp"]
)
def exported(request, tmp_path_factory):
    """Name of a shipped model, and the file that it was exported to."""
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    done = export(request.param, file)
    assert done.returncode == 0, done.stderr
    return request.param, file


def chest():
    """Five slices of the demo's CT of odd sides, with metal and the padding of a scanner."""
    image = sitk.ReadImage(str(ROOT / ".samples" / "cxr.nii.gz"))
    hu = sitk.GetArrayFromImage(image)[60:65, 210:331, 120:317].astype(np.float32)
    hu[:, 20:27, 30:40] = 3000
    hu[2:, 60:66, 50:60] += 1500
    hu[:3, :, :11] = -2000
    hu[3:, :, :9] = -3024
    return hu


def resampled(hu, folder, *options):
    """Slices that the program makes of known ones, in float32."""
    known, fine = (str(folder / name) for name in ("known.nrrd", "fine.nrrd"))
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((0.7, 0.7, 2.5))
    sitk.WriteImage(image, known)
    command = [PROGRAM, "resample", known, fine, *options, "--factor", str(FACTOR), "--quiet"]
    command += ["--axis", "k", "--precision", "float32", "--device", "cpu", "--threads", "1"]
    subprocess.run(command, check=True)
    return sitk.GetArrayFromImage(sitk.ReadImage(fine))


def by_program(model, hu, folder):
    """Slices and expected errors that the program puts between known slices, in float32."""
    errors = str(folder / "errors.nrrd")
    fine = resampled(hu, folder, "--model", model, "--expected-error", errors)
    between = [k for k in range(len(fine)) if k % FACTOR]
    return [volume[between] for volume in (fine, sitk.GetArrayFromImage(sitk.ReadImage(errors)))]


def by_pairs(file, hu, alphas, outputs):
    """Outputs of the exported graph, pair by pair."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    pairs = []
    for first in range(len(hu) - 1):
        present = [first > 0, first + 2 < len(hu)]
        slices = np.zeros((4, *hu.shape[1:]), np.float32)
        slices[1:3] = hu[first : first + 2]
        if present[0]:
            slices[0] = hu[first - 1]
        if present[1]:
            slices[3] = hu[first + 2]
        inputs = {"slices": slices, "present": np.float32(present), "alphas": np.float32(alphas)}
        pairs.append(session.run(outputs, inputs))
    return pairs


def by_graph(file, hu):
    """The same as by the program, by the exported graph."""
    alphas = 1 - np.arange(1, FACTOR) / FACTOR
    pairs = by_pairs(file, hu, alphas, ["interpolated", "expected_error"])
    slices, errors = map(np.concatenate, zip(*pairs))
    return np.clip(slices, hu.min(), hu.max()), errors


@pytest.mark.parametrize("count", [2, 5])
def test_graph_agrees_with_the_program(exported, count, tmp_path):
    model, file = exported
    known = chest()[:count]
    expected, found = by_program(model, known, tmp_path), by_graph(file, known)
    for name, one, other in zip(("interpolated", "expected_error"), found, expected):
        difference = np.abs(one - other)
        print(f"{model}, {count} slices: {name} at most {difference.max():.4f} HU apart")
        assert one.shape == other.shape
        assert difference.max() < 0.1
    # Neither is the linear blend.
    linear = (2 * known[:-1] + known[1:]) / 3
    assert np.abs(found[0][:: FACTOR - 1] - linear).max() > 100


def test_thin_graph_and_the_averages_of_slabs_agree_with_the_program(tmp_path):
    """Known places come from the graph, too; then each inner slab of three slices gets what its
    average lacks of the known slice."""
    file, known = tmp_path / "thin.onnx", chest()
    done = export("hrinet-thin", file)
    assert done.returncode == 0, done.stderr
    alphas = 1 - np.arange(FACTOR + 1) / FACTOR
    pairs = [slices for (slices,) in by_pairs(file, known, alphas, ["interpolated"])]
    found = np.concatenate([*(slices[:-1] for slices in pairs), pairs[-1][-1:]])
    for number in range(1, len(known) - 1):
        slab = found[FACTOR * number - 1 : FACTOR * number + 2]
        slab += known[number] - slab.mean(0)
    found = np.clip(found, known.min(), known.max())
    expected = resampled(known, tmp_path, "--thin")
    assert found.shape == expected.shape
    difference = np.abs(found - expected)
    print(f"at most {difference.max():.4f} HU apart")
    assert difference.max() < 0.1
    assert np.abs(expected[FACTOR] - known[1]).max() > 100


def test_example_of_the_documentation_interpolates(exported, tmp_path, monkeypatch):
    _, file = exported
    page = (ROOT / "docs" / "how-to" / "other-runtimes.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    (tmp_path / "motion.onnx").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    hu = chest()[:3]
    names = {"hu": hu}
    exec(example, names)
    expected = by_graph(file, hu)
    assert np.array_equal(names["interpolated"], expected[0][-2:])
    assert np.array_equal(names["expected_error"], expected[1][-2:])


def test_graph_has_open_sizes_and_names_its_weights(exported):
    model, file = exported
    graph = onnx.load(file)
    assert [(each.domain, each.version) for each in graph.opset_import] == [("", 18)]
    entries = {each.key: each.value for each in graph.metadata_props}
    assert entries["model"] == model
    assert json.loads(entries["window_hu"]) == [-1000.0, 1000.0]
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    shapes = {each.name: each.shape for each in session.get_inputs()}
    assert shapes == {"slices": [4, "rows", "columns"], "present": [2], "alphas": ["count"]}
    shapes = {each.name: each.shape for each in session.get_outputs()}
    assert shapes["interpolated"] == shapes["expected_error"] == ["count", "rows", "columns"]


def test_existing_file_is_kept(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_text("mine")
    done = export("hrinet-motion-small", file)
    assert done.returncode == 1 and "--overwrite" in done.stderr
    assert file.read_text() == "mine"


def test_models_that_cannot_be_exported_are_refused_with_the_reason(tmp_path):
    autoencoder = tmp_path / "ae.safetensors"
    header = {
        "format": 1,
        "system": "ae",
        "architecture": {"autoencoder": {"map_channels": [8]}},
        "window_hu": [-1000, 1000],
    }
    metadata = {"hrinet": json.dumps(header)}
    save_file({"generator.x": np.zeros(1, np.float32)}, autoencoder, metadata)
    other = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(1, np.float32)}, other)
    newer = tmp_path / "newer.safetensors"
    metadata = {"hrinet": json.dumps({**header, "format": 2})}
    save_file({"x": np.zeros(1, np.float32)}, newer, metadata)
    for model, reason in (
        ("hrinet-motoin", "hrinet-motion-small"),
        (autoencoder, "'ae'"),
        (other, "no checkpoint of hrinet"),
        (newer, "format 2"),
    ):
        done = export(model, tmp_path / "model.onnx")
        assert done.returncode == 1 and reason in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "model.onnx").exists()
