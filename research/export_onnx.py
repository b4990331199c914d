"""Exports a model of HRINet-Motion to ONNX; see research/export-onnx.

Usage: export_onnx.py [--without-expected-error] [--overwrite] MODEL FILE.onnx
"""

import argparse
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

from motion_pytorch import checkpoint

OPSET = 18
INPUTS = ("slices", "present", "alphas")
OUTPUTS = ("interpolated", "expected_error")
MAX_DIFFERENCE_HU = 0.1


def export(model, path):
    """Writes the graph of a model, with rows, columns and number of alphas left open.

    The exporter that traces is used: the other one finds no expression for sides that are padded to
    multiples of 16, and fixes them.
    """
    outputs = OUTPUTS if model.interpolation.error_head else OUTPUTS[:1]
    planes = {0: "count", 1: "rows", 2: "columns"}
    sizes = {"slices": {1: "rows", 2: "columns"}, "alphas": {0: "count"}}
    with warnings.catch_warnings():
        # That it is the older exporter; and that sides are compared, in ways that hold for all.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.interpolation,
            examples(40, 56, 3),
            path,
            input_names=INPUTS,
            output_names=outputs,
            dynamic_axes={**sizes, **dict.fromkeys(outputs, planes)},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load(path)
    describe(graph, model)
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def describe(graph, model):
    """Says in the file which weights it has."""
    graph.producer_name = "hrinet"
    graph.doc_string = "HRINet-Motion, slices between two known ones, HU to HU"
    record = model.header["record"]
    entries = {
        "model": model.path.stem,
        "checkpoint_sha256": model.file_sha256,
        "window_hu": json.dumps(model.header["window_hu"]),
        "max_slice_spacing_mm": json.dumps(record.get("max_slice_spacing_mm")),
    }
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, entries)


def examples(rows, columns, count):
    """Inputs of the graph: smooth slices from air to metal, which differ from one to the next."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 1, 5, 5, generator=generator) * 4500 - 1500
    slices = torch.nn.functional.interpolate(coarse, (rows, columns), mode="bicubic")[:, 0]
    alphas = torch.linspace(0.9, 0.1, count)
    return slices, torch.tensor([1.0, 0.0]), alphas


def largest_difference(model, path):
    """Largest difference in HU of ONNX Runtime from PyTorch, over planes of several sizes."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for rows, columns, count in ((64, 48, 1), (37, 91, 3)):
        inputs = examples(rows, columns, count)
        with torch.inference_mode():
            expected = model.interpolation(*inputs)
        found = session.run(None, {name: x.numpy() for name, x in zip(INPUTS, inputs)})
        for one, other in zip(found, expected):
            assert one.shape == (count, rows, columns), (one.shape, inputs)
            largest = max(largest, float(np.abs(one - other.numpy()).max()))
    return largest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--without-expected-error", action="store_true")
    parser.add_argument("--overwrite", action="store_true")
    asked = parser.parse_args()
    if asked.file.exists() and not asked.overwrite:
        sys.exit(f"{asked.file} exists; remove it, or pass --overwrite")
    if not asked.file.absolute().parent.is_dir():
        sys.exit(f"{asked.file}: there is no folder {asked.file.parent}")
    try:
        model = checkpoint.load(asked.model, error_head=not asked.without_expected_error)
    except checkpoint.CheckpointError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(dir=asked.file.absolute().parent) as folder:
        made = pathlib.Path(folder, "model.onnx")
        export(model, str(made))
        difference = largest_difference(model, str(made))
        if difference > MAX_DIFFERENCE_HU:
            sys.exit(f"ONNX Runtime is {difference:.3f} HU from PyTorch; nothing is written")
        size = made.stat().st_size
        made.replace(asked.file)
    print(
        f"{asked.file}: {size / 1e6:.1f} MB, opset {OPSET}; ONNX Runtime is at most "
        f"{difference:.3f} HU from PyTorch"
    )


if __name__ == "__main__":
    main()
