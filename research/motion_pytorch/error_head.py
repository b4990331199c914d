"""The error head of HRINet-Motion: predicts the absolute error of interpolated slices."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import Convolution, ConvolutionPrelu, TwoConvolutions, plane, upsampled

WINDOW_WIDTH_HU = 2000  # error heads are trained in windows of this width alone
MIN_HU = 0.1
OUTPUT_BIAS = -4.6
COARSE_STRIDE = 4
CHANNELS, COARSE_CHANNELS = 8, 16


class ErrorHead(nn.Module):
    """A few convolutions at full resolution, and a coarse path beside the first of them."""

    def __init__(self, hidden, coarse_hidden):
        super().__init__()
        inputs = 10 + hidden
        self.entry = ConvolutionPrelu(inputs, CHANNELS)
        self.wide = TwoConvolutions(inputs + coarse_hidden, COARSE_CHANNELS, CHANNELS)
        self.joint = ConvolutionPrelu(CHANNELS, CHANNELS)
        self.exit = Convolution(CHANNELS, 1)

    def forward(self, outputs):
        """Absolute errors `[N, 1, H, W]` as parts of the window's width."""
        maps = maps_of(outputs)
        # The hidden map has half the resolution already.
        hidden = F.avg_pool2d(outputs.coarse_hidden, COARSE_STRIDE // 2)
        coarse = self.wide(torch.cat([F.avg_pool2d(maps, COARSE_STRIDE), hidden], 1))
        joint = self.joint(self.entry(maps) + upsampled(coarse, COARSE_STRIDE))
        return F.softplus(self.exit(joint) + OUTPUT_BIAS) + MIN_HU / WINDOW_WIDTH_HU


def maps_of(outputs):
    """The head's input: how far both warped slices agree, and how far tissue moved."""
    slices, (warped1, warped2) = outputs.slices, outputs.warped
    step = outputs.flow[:, :2] - outputs.flow[:, 2:]
    nearer = torch.minimum(outputs.fraction, 1 - outputs.fraction)
    smooth = F.avg_pool2d(slices, 3, stride=1, padding=1, count_include_pad=False)
    return torch.cat(
        [
            warped1,
            warped2,
            slices,
            outputs.blend_mask,
            plane(nearer, slices),
            compressed(warped1 - warped2),
            compressed(outputs.known[0] - outputs.known[1]),
            compressed(slices - outputs.merged),
            compressed(slices - smooth),
            torch.log1p((step * step).sum(1, keepdim=True).sqrt()),
            outputs.hidden,
        ],
        1,
    )


def compressed(difference):
    """Logarithm of a difference of grey values, in which 1 HU and 100 HU both differ from 0."""
    return 0.2 * torch.log1p(difference.abs() * WINDOW_WIDTH_HU)
