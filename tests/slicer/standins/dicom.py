"""DICOM database with the calls that the module uses; its files are read by their bytes."""

import pathlib
import re
import shutil
import sys
import types

_INSTANCE = re.compile(rb"\x08\x00\x18\x00(?:UI..|....)([0-9.]+)", re.DOTALL)


class Database:
    """Database in a folder. Attributes and methods are those of ctkDICOMDatabase."""

    def __init__(self, folder, monkeypatch):
        import slicer

        self.isOpen, self.folder = True, pathlib.Path(folder)
        self.imported = []  # folder and whether to copy, of each import
        self._paths = {}  # by the UID of the instance
        utilities = types.SimpleNamespace(importDicom=self._import)
        library = types.SimpleNamespace(DICOMUtils=utilities)
        monkeypatch.setitem(sys.modules, "DICOMLib", library)
        monkeypatch.setattr(slicer, "dicomDatabase", self, raising=False)

    def link(self, path):
        """Adds a file where it is, and returns the UID of its instance."""
        uid = _INSTANCE.search(pathlib.Path(path).read_bytes())[1].decode()
        self._paths[uid] = str(path)
        return uid

    def fileForInstance(self, uid):
        return self._paths.get(uid, "")

    def filesForSeries(self, uid):
        return [
            path for path in self._paths.values() if uid.encode() in pathlib.Path(path).read_bytes()
        ]

    def _import(self, folder, database, copyFiles=False):
        assert database is self
        self.imported.append((folder, copyFiles))
        for path in sorted(pathlib.Path(folder).iterdir()):
            self.link(shutil.copy(path, self.folder / f"{len(self._paths):06}"))
        return True
