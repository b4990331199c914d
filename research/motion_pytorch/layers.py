"""Building blocks of HRINet-Motion: convolutions, correlation and backward warping.

Maps are float32 `[N, C, H, W]`. Parameters have the names of checkpoints.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Convolution(nn.Module):
    """A square convolution with bias and zero padding that keeps or divides the sides."""

    def __init__(self, inputs, outputs, kernel=3, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride, self.padding = stride, (kernel - 1) // 2

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class ConvolutionPrelu(Convolution):
    """A convolution and a PReLU with one slope per channel."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__(inputs, outputs, stride=stride)
        self.slope = nn.Parameter(torch.empty(outputs))

    def forward(self, x, others=()):
        """Adds `others`, convolutions of other maps, before the PReLU."""
        x = super().forward(x)
        for other in others:
            x = x + other
        return F.prelu(x, self.slope)


class TwoConvolutions(nn.Module):
    """Two convolutions with PReLU, the first of them with a stride."""

    def __init__(self, inputs, inner, outputs, stride=1):
        super().__init__()
        self.first = ConvolutionPrelu(inputs, inner, stride)
        self.second = ConvolutionPrelu(inner, outputs)

    def forward(self, x):
        return self.second(self.first(x))


class Upsampling(nn.Module):
    """A 4 x 4 transposed convolution of stride 2, which doubles the sides."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, 4, 4))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)


def upsampled(x, factor):
    """Bilinear upsampling by a whole factor; the outermost pixels are repeated."""
    sides = [factor * side for side in x.shape[2:]]
    return F.interpolate(x, size=sides, mode="bilinear", align_corners=False)


def plane(values, like):
    """One value per image `[N, 1, 1, 1]` as planes of the sides of `like`."""
    return values.expand(-1, 1, *like.shape[2:])


def correlation(first, second, radius):
    """Cosines `[N, (2 radius + 1)^2, H, W]` between the channels of a pixel of `first` and of each
    pixel of `second` up to `radius` pixels away, row by row. The border is repeated."""
    count, _, rows, columns = first.shape
    side, wide = 2 * radius + 1, columns + 2 * radius
    first = unit_length(first).permute(0, 2, 3, 1)
    second = F.pad(unit_length(second), [radius] * 4, mode="replicate").permute(0, 2, 3, 1)
    cosines = []
    for row in range(side):
        # Products of every pixel with a whole row, of which only those near it are kept: they
        # start one column later in each row of the product, which rows that are one longer undo.
        products = first @ second[:, row : row + rows].transpose(2, 3)
        skewed = F.pad(products.reshape(count, rows, columns * wide), (0, columns))
        cosines.append(skewed.reshape(count, rows, columns, wide + 1)[..., :side])
    return torch.cat(cosines, 3).permute(0, 3, 1, 2)


def unit_length(maps):
    """Scales the channels of every pixel to a vector of length 1."""
    return maps * ((maps * maps).sum(1, keepdim=True) + 1e-6).rsqrt()


def warp(maps, flow):
    """Samples maps bilinearly at each pixel's position plus its flow `[N, 2, H, W]`, in pixels,
    columns first. The border is repeated."""
    rows, columns = maps.shape[2:]
    x = torch.linspace(-1, 1, columns).view(1, 1, columns)
    y = torch.linspace(-1, 1, rows).view(1, rows, 1)
    grid = (flow[:, 0] * (2 / (columns - 1)) + x, flow[:, 1] * (2 / (rows - 1)) + y)
    maps = maps.expand(flow.shape[0], -1, -1, -1)
    return F.grid_sample(maps, torch.stack(grid, -1), "bilinear", "border", align_corners=True)


def warp_pair(first, second, flow):
    """Warps `first` along the first two channels of `flow` and `second` along the last two."""
    return warp(first, flow[:, :2]), warp(second, flow[:, 2:])
