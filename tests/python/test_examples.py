"""The notebook and the code of the guide run as they are printed."""

import asyncio
import sys

import nibabel
import numpy as np
import pytest

import hrinet
from conftest import IJK_TO_RAS, PACKAGE, ROOT, blocks_of_the_guide

NOTEBOOK = ROOT / "examples" / "python" / "first_steps.ipynb"


def test_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "committed with outputs"
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        f'{{"argv": ["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"],'
        '"display_name": "Python", "language": "python"}'
    )
    asyncio.set_event_loop(asyncio.new_event_loop())
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    kinds = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert "image/png" in kinds, "it shows a picture"


@pytest.mark.parametrize("block", blocks_of_the_guide(of_torch=False))
def test_code_of_the_guide_runs(block, tmp_path, monkeypatch, ct, vessel):
    """Each block by itself, in a folder with the files that it names."""
    monkeypatch.chdir(tmp_path)
    nibabel.save(nibabel.Nifti1Image(ct.T, IJK_TO_RAS), "ct.nii.gz")
    nibabel.save(nibabel.Nifti1Image(vessel.T, IJK_TO_RAS), "labels.nii.gz")
    exec(block, {"hrinet": hrinet, "np": np, "thick": ct, "ijk_to_ras": IJK_TO_RAS})
