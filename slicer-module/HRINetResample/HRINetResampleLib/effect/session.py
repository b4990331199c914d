"""Filling of the segments of one segmentation, without the editor's widgets."""

from ..compute.filling import Filling
from ..scene import geometry, segmentations, volumes


class FillSession:
    """Fills segments on a thread, keeps the result, and puts it into segmentations."""

    def __init__(self):
        self._filling = Filling()
        self._started = None  # segmentation, volume, and the ids of each layer
        self._result = None  # the same, with the filled layers

    @property
    def running(self):
        """Whether there is work whose result was not taken."""
        return self._filling.running

    @property
    def finished(self):
        """Whether `take` returns without waiting."""
        return self._filling.finished

    def start(self, segmentation, volume, segment_ids, tapers):
        """Begins to fill segments by a volume; work that is running is cancelled.

        Raises if the volume or the segmentation cannot be used.
        """
        voxels = volumes.voxels_of(volume)
        grid, _parent = geometry.grid_of(volume, volume.GetParentTransformNode())
        layers = segmentations.layers_of(segmentation, volume, segment_ids)
        ids = [ids for _labels, ids in layers]
        self._started = (segmentation, volume, ids)
        stamp = (volumes.stamp_of(volume), repr(ids))
        self._filling.start(grid, voxels, [labels for labels, _ids in layers], tapers, stamp)

    def take(self):
        """Takes the result; raises the error of the work."""
        filled = self._filling.take()
        segmentation, volume, ids = self._started
        self._result = (segmentation, volume, list(zip(filled, ids)))

    def show(self, target):
        """Puts the result into a segmentation with the same parent transform."""
        segmentations.show(target, *self._result)

    def stop(self):
        """Cancels the work, and forgets the result."""
        self._filling.cancel()
        self._filling = Filling()
        self._started = self._result = None
