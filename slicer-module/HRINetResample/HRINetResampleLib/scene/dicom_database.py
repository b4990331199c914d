"""Slicer's DICOM database: the files of a volume, and what is added."""

import os

import slicer

from . import volumes


def problem(volume_node):
    """Why a volume has no series in the database; None if it has one. Does not look for its files.

    Slicer's DICOM import leaves the UIDs of the instances on the volumes that it loads.
    """
    if not volume_node.GetAttribute("DICOM.instanceUIDs"):
        return f"{volume_node.GetName()} was not loaded from Slicer's DICOM database"
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return "Slicer's DICOM database is not open; open the DICOM module"
    return None


def files_of(volume_node):
    """Files of the series of a volume; raises if one is missing."""
    why = problem(volume_node)
    if why:
        raise volumes.VolumeError(why)
    uids = volume_node.GetAttribute("DICOM.instanceUIDs").split()
    files = [slicer.dicomDatabase.fileForInstance(uid) for uid in uids]
    missing = [uid for uid, path in zip(uids, files) if not path or not os.path.isfile(path)]
    if missing:
        raise volumes.VolumeError(
            f"{len(missing)} of the {len(uids)} files of {volume_node.GetName()} are missing from "
            f"the DICOM database, the first is that of {missing[0]}; import the series again"
        )
    return files


def add(folder, series_uid, file_count):
    """Copies the files of a series into the database; raises if it does not have all then."""
    from DICOMLib import DICOMUtils  # part of the application

    DICOMUtils.importDicom(folder, slicer.dicomDatabase, copyFiles=True)
    found = len(slicer.dicomDatabase.filesForSeries(series_uid))
    if found < file_count:
        raise volumes.VolumeError(
            f"the DICOM database has {found} of the {file_count} files of the new series "
            f"{series_uid}; see the log, and free space on its disk"
        )
