"""Interpolation from HU to HU: grey window, padding, values outside the window."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .generator import Features, Pair
from .over_range import OverRangePair

SIDE_MULTIPLE = 16
FAR_BELOW_HU = 100.0  # farther below the window, a pixel is padding of the scanner


class EncodedSlice(NamedTuple):
    """A known slice, ready for the pairs that it belongs to."""

    hu: Tensor  # [1, 1, rows, columns]
    grey: Tensor  # padded; above 1 beyond the window
    features: Features


class Interpolation(nn.Module):
    """Slices between two known ones by a generator of HRINet-Motion, in float32."""

    def __init__(self, generator, error_head, window_hu):
        super().__init__()
        self.generator, self.error_head = generator, error_head
        self.low, high = window_hu
        self.width = high - self.low

    def forward(self, slices, present, alphas):
        """Interpolates between the second and the third of four slices `[4, rows, columns]` in HU,
        at `alphas` `[N]`: 1 is the second slice, 0 the third.

        `present` `[2]` is 1 where the first and the last slice, the context, are known and as far
        from the pair as its slices are apart; 0 where there is none, whatever they hold. Returns
        slices `[N, rows, columns]` in HU, and with an error head their expected errors in HU.
        """
        first, second = slices[1:2], slices[2:3]
        before = torch.where(present[0] > 0, slices[0:1], first)
        after = torch.where(present[1] > 0, slices[3:4], second)
        encoded = self.encode(torch.cat([before, first, second, after])[:, None])
        return self.decode([encoded_slice(encoded, k) for k in range(4)], present, alphas)

    def encode(self, hu):
        """Encodes slices `[N, 1, rows, columns]` in HU; the encoded slices of a batch."""
        grey = padded(torch.clamp_min((hu - self.low) / self.width, 0))
        return EncodedSlice(hu, grey, self.generator.encode(torch.clamp_max(grey, 1)))

    def decode(self, slices, present, alphas, midpoint=None):
        """Like `forward`, from four encoded slices. Those that are absent stand for nothing and
        must be the slices of the pair beside them."""
        before, first, second, after = slices
        pair = self.pair(slices, present)
        outputs = self.generator.decode(pair, 1 - alphas, midpoint)
        over_range = OverRangePair([first.grey, second.grey], outputs.flow)
        rows, columns = first.hu.shape[2:]
        grey = over_range.add_to(torch.clamp(outputs.slices, 0, 1), outputs.blend_mask)
        hu = self.to_hu(grey[:, :, :rows, :columns], first.hu, second.hu, outputs.fraction)
        if self.error_head is None:
            return (hu[:, 0],)
        errors = over_range.expected_error(self.error_head(outputs))[:, :, :rows, :columns]
        return hu[:, 0], self.error_to_hu(errors, first.hu, second.hu)[:, 0]

    def pair(self, slices, present):
        """The features of four encoded slices."""
        before, first, second, after = [slice_.features for slice_ in slices]
        return Pair(first, second, before, after, present)

    def to_hu(self, grey, first, second, fraction):
        """HU of decoded grey values, plus the blend of what is below the window in both slices."""
        below = [torch.clamp_max(hu - self.low, 0) for hu in (first, second)]
        hu = self.low + grey * self.width + below[0] + fraction * (below[1] - below[0])
        blend = first + fraction * (second - first)
        return torch.where(self.is_padding(first, second), blend, hu)

    def error_to_hu(self, errors, first, second):
        """Expected errors in HU; far below the window, half of the slices' difference there."""
        below = [torch.clamp_max(hu - self.low, 0) for hu in (first, second)]
        far = [torch.where(x < -FAR_BELOW_HU, x, torch.zeros_like(x)) for x in below]
        seen = torch.where(self.is_padding(first, second), torch.zeros_like(errors), errors)
        return seen * self.width + 0.5 * (far[0] - far[1]).abs()

    def is_padding(self, first, second):
        """Where both slices are far below the window."""
        return torch.maximum(first, second) < self.low - FAR_BELOW_HU


def encoded_slice(encoded, index):
    """One slice of an encoded batch."""
    hu, grey, features = encoded
    here = slice(index, index + 1)
    return EncodedSlice(hu[here], grey[here], features.narrow(index))


def padded(slices):
    """Repeats the last row and column until both sides are multiples of 16."""
    missing = [-side % SIDE_MULTIPLE for side in slices.shape[2:]]
    return F.pad(slices, (0, missing[1], 0, missing[0]), mode="replicate")


@torch.inference_mode()
def interpolate_volume(interpolation, known, factor):
    """Interpolates between all slices `[slices, rows, columns]` of a volume in HU, evenly spaced;
    the interpolated slices in order. Each known slice is encoded once.

    Nothing is rounded, or clamped to the range of the input.
    """
    encoded = {}

    def encode(index):
        if index not in encoded:
            encoded[index] = interpolation.encode(known[index][None, None])
        return encoded[index]

    slices = []
    alphas = 1 - torch.arange(1, factor, dtype=torch.float64) / factor
    for first in range(len(known) - 1):
        present = [first > 0, first + 2 < len(known)]
        around = [first - 1 if present[0] else first, first, first + 1]
        around.append(first + 2 if present[1] else first + 1)
        neighbours = [encode(index) for index in around]
        present = torch.tensor(present, dtype=torch.float32)
        pair = interpolation.pair(neighbours, present)
        midpoint = interpolation.generator.find_midpoint_flow(pair)
        for alpha in alphas.float():
            slices.append(interpolation.decode(neighbours, present, alpha[None], midpoint)[0])
        encoded.pop(first - 1, None)
    return torch.cat(slices)
