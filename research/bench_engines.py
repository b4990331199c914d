"""What `bench.py` compares: ways to interpolate the slices of a volume, each by a function that
sets it up.

A set-up function takes the known slices, float32 HU `[slices, rows, columns]`, and the settings of
the run. It returns a function that interpolates once, and one that makes of its result the
interpolated slices `[slices, rows, columns]`, or None where they are the result.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]


def between(fine, factor):
    """The interpolated slices of an output volume."""
    return fine[[k for k in range(len(fine)) if k % factor]]


def library(known, settings, precision):
    """The library through its Python binding, on arrays in memory."""
    sys.path.insert(0, str(ROOT / "slicer-module" / "HRINetResample"))
    from HRINetResampleLib.binding import hrinet

    hrinet.set_num_threads(settings.threads)
    model = hrinet.Model(settings.model, "cpu", precision)
    options = hrinet.Options("factor", settings.factor, axis="k")
    plan = hrinet.Plan(known, np.diag([1, 1, settings.factor, 1]), options)
    fine = plan.empty()

    def run():
        hrinet.resample(hrinet.Job(model, plan, known, output=fine))
        return fine

    return run, lambda fine: between(fine, settings.factor)


def program(known, settings):
    """The program from file to file, its start included."""
    import SimpleITK as sitk

    folder = tempfile.TemporaryDirectory()
    source, target = (str(pathlib.Path(folder.name, name)) for name in ("in.nrrd", "out.nrrd"))
    sitk.WriteImage(image_of(known, settings.factor), source)
    command = [settings.program, "resample", source, target, "--factor", str(settings.factor)]
    command += ["--axis", "k", "--model", settings.model, "--device", "cpu", "--quiet"]
    command += ["--threads", str(settings.threads), "--overwrite"]

    def run():
        subprocess.run(command, check=True)
        return folder

    def result(_):
        return between(sitk.GetArrayFromImage(sitk.ReadImage(target)), settings.factor)

    return run, result


def pytorch(known, settings):
    """The same weights in PyTorch, each slice encoded once, without the error head."""
    import torch

    from motion_pytorch import checkpoint
    from motion_pytorch.interpolation import interpolate_volume

    torch.set_num_threads(settings.threads)
    model = checkpoint.load(settings.model, error_head=False)
    interpolation = model.interpolation.to(memory_format=torch.channels_last)
    slices = torch.from_numpy(known)
    return lambda: interpolate_volume(interpolation, slices, settings.factor), clipped_to(known)


def onnxruntime(known, settings):
    """The same weights in ONNX Runtime, by the graph of `export-onnx`, pair by pair."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    # Threads that wait would count as processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(settings.graph, options, providers=["CPUExecutionProvider"])
    alphas = np.float32(1 - np.arange(1, settings.factor) / settings.factor)
    last = len(known) - 1

    def run():
        pairs = []
        for first in range(last):
            around = np.clip([first - 1, first, first + 1, first + 2], 0, last)
            present = np.float32([first > 0, first + 1 < last])
            inputs = {"slices": known[around], "present": present, "alphas": alphas}
            pairs += session.run(["interpolated"], inputs)
        return np.concatenate(pairs)

    return run, clipped_to(known)


def clipped_to(known):
    """Keeps slices within the range of the input, as the program does."""
    return lambda slices: np.clip(np.asarray(slices), known.min(), known.max())


def rife(known, settings):
    """RIFE 4 in PyTorch."""
    import torch

    from rife import Rife

    torch.set_num_threads(settings.threads)
    network = Rife()
    fractions = [step / settings.factor for step in range(1, settings.factor)]

    def run():
        pairs = zip(known, known[1:])
        return np.stack([s for pair in pairs for s in network(*pair, fractions)])

    return run, None


def simpleitk(known, settings, interpolator):
    """SimpleITK's filter in three dimensions, on images in memory."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(settings.threads)
    image = image_of(known, settings.factor)
    columns, rows, slices = image.GetSize()
    size = (columns, rows, (slices - 1) * settings.factor + 1)
    grid = (image.GetOrigin(), (1, 1, 1), image.GetDirection())

    def run():
        return sitk.Resample(image, size, sitk.Transform(), getattr(sitk, interpolator), *grid)

    return run, lambda fine: between(sitk.GetArrayFromImage(fine), settings.factor)


def image_of(known, factor):
    """An image of pixels of 1 mm whose slices are `factor` mm apart."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(known)
    image.SetSpacing((1, 1, factor))
    return image


# By name: set-up function, and whether the engine has the weights of the model.
ENGINES = {
    "library": (lambda *a: library(*a, "auto"), True),
    "library-float32": (lambda *a: library(*a, "float32"), True),
    "program": (program, True),
    "pytorch": (pytorch, True),
    "onnxruntime": (onnxruntime, True),
    "rife": (rife, False),
    "itk-linear": (lambda *a: simpleitk(*a, "sitkLinear"), False),
    "itk-bspline": (lambda *a: simpleitk(*a, "sitkBSpline"), False),
    "itk-windowed-sinc": (lambda *a: simpleitk(*a, "sitkLanczosWindowedSinc"), False),
}
REFERENCE = "library-float32"  # differences in HU are to this one
ONCE = ("itk-windowed-sinc",)  # takes minutes: one round, without a run before it
