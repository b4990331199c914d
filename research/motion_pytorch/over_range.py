"""Values above the grey window, which no network sees: they are warped and blended as the network
warps and blends the slices, and added to its output."""

import torch
from torch.nn import functional as F

from .layers import upsampled, warp_pair

SATURATED = 0.05  # excess, in grey values: from here to twice that, saturation sets in
HALF_TRUST = 0.01  # root mean squared difference at which half of the flow is trusted
STEP = 8  # pixels between the centres of the squares of that mean, each twice as wide


class OverRangePair:
    """Excess of both slices `[1, 1, H, W]` over the window, warped as far as they differ."""

    def __init__(self, grey, flow):
        first, second = [torch.clamp_min(slice_ - 1, 0) for slice_ in grey]
        squares = (first - second) * (first - second)
        mean = F.avg_pool2d(squares, 2 * STEP, STEP, STEP // 2, count_include_pad=False)
        trust = upsampled(mean / (mean + HALF_TRUST**2), STEP)
        warped = warp_pair(first, second, flow)
        self.first = first + (warped[0] - first) * trust
        self.second = second + (warped[1] - second) * trust
        beyond = torch.minimum(self.first, self.second) - SATURATED
        self.saturation = torch.clamp(beyond / SATURATED, 0, 1)

    def add_to(self, slices, first_share):
        """Adds the excess to decoded grey values `[N, 1, H, W]` in [0, 1]."""
        decoded = slices + (1 - slices) * self.saturation
        return decoded + self.second + (self.first - self.second) * first_share

    def expected_error(self, errors):
        """Adds half of the difference of both slices' excess to expected errors."""
        return errors * (1 - self.saturation) + 0.5 * (self.first - self.second).abs()
