"""Tasks that run the library's program: a derived DICOM series, and the self-check."""

import tempfile

from .compute import derived_series, self_check
from .compute.backend import Backend
from .scene import dicom_database
from .task import Task


class _ProgramTask(Task):
    """Runs `work(folder, control)` with a temporary folder."""

    def __init__(self, work, reason):
        self.backend = Backend(False, reason)
        # Removed when nothing refers to it: after a cancel, a failure, or without `finish`.
        self._folder = tempfile.TemporaryDirectory(prefix="hrinet-program-")
        folder = self._folder.name
        super().__init__(lambda control: work(folder, control))

    def finish(self):
        """Result of the work; raises its error."""
        try:
            return self._take(self._worker.result())
        finally:
            self._folder.cleanup()

    def _take(self, result):
        return result


class DerivedSeriesTask(_ProgramTask):
    """Derives a DICOM series; `finish` adds it to the database and returns a `DerivedSeries`."""

    def __init__(self, files, settings):
        """Starts the work on the files of a series."""
        super().__init__(
            lambda folder, control: derived_series.run(files, settings, folder, control),
            "the program hrinet writes DICOM",
        )

    def _take(self, series):
        dicom_database.add(series.folder, series.series_uid, series.file_count)
        return series


class SelfCheckTask(_ProgramTask):
    """Checks a model on a volume; `finish` returns a `SelfCheck`."""

    def __init__(self, grid, axis, settings, voxels):
        """Starts the work."""
        super().__init__(
            lambda folder, control: self_check.run(grid, axis, settings, voxels, folder, control),
            "the program hrinet evaluates models",
        )
