"""SOUP-GAN (Zhang et al., Tomography 2022), a three-dimensional network that sharpens interpolated
slices; its weights for thin slices."""

import os
import sys

import numpy as np
from scipy import ndimage

SCALED_MAX = 10000  # of the volume, as its authors scale it
LARGEST_FACTOR = 6  # the network has five inputs that stand for factors from 2 on
STRIP, MARGIN = 64, 16  # rows computed together, and those around them that are left out


class SoupGan:
    """The network as KevinSR 0.1.20 brings it, called as its script calls it."""

    def __init__(self):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        import tensorflow as tf  # takes seconds, and is needed by this peer alone

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        folder = f"{sys.prefix}/KevinSR-0.1.20/KevinSR/Thin-to-thin"  # as evaluate-peers puts it
        self.model = tf.saved_model.load(folder)
        self.network = self.model.signatures["serving_default"]
        self.tensor = lambda values: tf.constant(values.astype(np.float32))

    def __call__(self, hu, gap, _spacing):
        """Makes the volume of every slice from every `gap`-th of `hu` `[slices, rows, columns]`."""
        known = hu[::gap]
        low, height = known.min(), np.ptp(known)
        scaled = (known - low) / height * SCALED_MAX
        # A spline through the known slices; their zoom places the outermost slices alike.
        slices = (len(known) - 1) * gap + 1
        spline = ndimage.zoom(scaled, (slices / len(known), 1, 1), mode="nearest")
        factor = np.zeros((1, LARGEST_FACTOR - 1))
        factor[0, min(gap, LARGEST_FACTOR) - 2] = 1
        made = np.empty_like(spline)
        for first in range(0, spline.shape[1], STRIP):
            start = max(first - MARGIN, 0)
            part = spline[:, start : first + STRIP + MARGIN]
            output = self.network(
                input_images=self.tensor(part[None, ..., None]), input_indexes=self.tensor(factor)
            )["output_images"].numpy()[0, ..., 0]
            made[:, first : first + STRIP] = output[:, first - start :][:, :STRIP]
        return made / SCALED_MAX * height + low
