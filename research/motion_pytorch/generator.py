"""The generator of HRINet-Motion: slices are encoded once and decoded at any fraction."""

from typing import List, NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import (
    Convolution,
    ConvolutionPrelu,
    TwoConvolutions,
    Upsampling,
    correlation,
    plane,
    upsampled,
    warp,
    warp_pair,
)

STRIDES = (2, 4, 8, 16)
COARSEST = 3  # index of the map of stride 16
FLOW = 4  # channels: columns and rows to the first slice, then to the second


class Features(NamedTuple):
    """What slices are encoded to."""

    image: Tensor  # grey values [N, 1, H, W]
    maps: List[Tensor]  # at strides 2, 4, 8 and 16
    context: List[Optional[Tensor]]  # at these strides, for neighbouring pairs

    def expand(self, count):
        """The features of one slice as those of `count` equal ones."""
        return self.map_each(lambda x: x.expand(count, -1, -1, -1))

    def narrow(self, index):
        """The features of one slice of the batch."""
        return self.map_each(lambda x: x[index : index + 1])

    def map_each(self, change):
        """Applies `change` to every map."""
        context = [None if x is None else change(x) for x in self.context]
        return Features(change(self.image), [change(x) for x in self.maps], context)


class Pair(NamedTuple):
    """Two slices, and the known slices beyond them."""

    first: Features
    second: Features
    before: Features
    after: Features
    present: Tensor  # [2]: 1 where `before` and `after` are known slices, 0 where they stand in

    def expand(self, count):
        """The same slices `count` times."""
        return Pair(*[slice_.expand(count) for slice_ in self[:4]], self.present)


class FlowState(NamedTuple):
    """Flow and hidden map after a decoder level, and the hidden map of the level before."""

    flow: Tensor
    hidden: Tensor
    coarse_hidden: Optional[Tensor]

    def from_midpoint(self, fraction):
        """Flow at `fraction` `[N, 1, 1, 1]` from that at 1/2, if tissue moves evenly."""
        count = fraction.shape[0]
        to_first, to_second = self.flow[:, :2], self.flow[:, 2:]
        flow = torch.cat([to_first * (2 * fraction), to_second * (2 - 2 * fraction)], 1)
        hidden = [x if x is None else x.expand(count, -1, -1, -1) for x in self[1:]]
        return FlowState(flow, *hidden)


class Outputs(NamedTuple):
    """Interpolated slices `[N, 1, H, W]` in grey values, and the maps that they were made from."""

    slices: Tensor
    known: List[Tensor]
    warped: List[Tensor]
    merged: Tensor
    blend_mask: Tensor  # share of the first slice
    flow: Tensor
    hidden: Tensor
    coarse_hidden: Tensor
    fraction: Tensor


class DecoderLevel(nn.Module):
    """A convolution, residual blocks of two, and upsampling by 2."""

    def __init__(self, inputs, context, inner, outputs, deeper, radius):
        super().__init__()
        self.entry = ConvolutionPrelu(inputs, inner)
        self.context = Convolution(2 * context, inner) if context else None
        self.correlation = Convolution((2 * radius + 1) ** 2, inner) if radius else None
        self.radius = radius
        self.names = ["residual", *(f"deeper{number}" for number in range(1, deeper + 1))]
        for name in self.names:
            self.add_module(name, TwoConvolutions(inner, inner, inner))
        self.upsampling = Upsampling(inner, outputs)

    def forward(self, x, context, maps):
        """`[N, inputs, H, W]` to `[N, outputs, 2 H, 2 W]`. `maps`: those of both slices."""
        others = []
        if self.context is not None:
            others.append(self.context(context))
        if self.correlation is not None:
            others.append(self.correlation(correlation(*maps, self.radius)))
        x = self.entry(x, others)
        for name in self.names:
            x = x + getattr(self, name)(x)
        return self.upsampling(x)


class Refinement(nn.ModuleDict):
    """Three convolutions at full resolution and an exit."""

    def __init__(self, hidden, channels, context):
        super().__init__()
        self["1"] = ConvolutionPrelu(7 + hidden, channels)
        self["2"] = ConvolutionPrelu(channels, channels)
        self["3"] = ConvolutionPrelu(channels, channels)
        self["exit"] = Convolution(channels, 1)
        if context:
            self["context"] = Convolution(2, channels)

    def forward(self, x, context_images):
        others = [self["context"](context_images)] if "context" in self else []
        return self["exit"](self["3"](self["2"](self["1"](x, others))))


class ThroughPlane(nn.Module):
    """Cubics through four slices, unwarped and warped, where tissue continues from slice to slice;
    at stride 2."""

    MAPS, WEIGHTS, OUTPUTS = 11, 4, 3

    def __init__(self, hidden, channels):
        super().__init__()
        self.entry = ConvolutionPrelu(4 * self.MAPS + self.WEIGHTS + hidden, channels)
        self.residual1 = TwoConvolutions(channels, channels, channels)
        self.residual2 = TwoConvolutions(channels, channels, channels)
        self.exit = Convolution(channels, 4 * self.OUTPUTS)

    def forward(self, slices, known, warped, weights, hidden):
        """Slices `[N, 1, H, W]` with what four known slices, unwarped and warped `[N, 4, H, W]`,
        add to them. `weights` `[N, 4, 1, 1]` are those of the cubic."""
        cubics = [(four * weights).sum(1, keepdim=True) - slices for four in (known, warped)]
        seen = torch.cat([known - slices, warped - slices, *cubics, slices], 1)
        seen = F.pixel_unshuffle(seen, 2)
        planes = weights.expand(seen.shape[0], -1, *seen.shape[2:])
        x = self.entry(torch.cat([seen, planes, hidden], 1))
        x = x + self.residual1(x)
        x = x + self.residual2(x)
        residual, of_known, of_warped = F.pixel_shuffle(self.exit(x), 2).split(1, 1)
        return slices + residual + of_known * cubics[0] + of_warped * cubics[1]


class MotionGenerator(nn.Module):
    """HRINet-Motion of the sizes that a checkpoint names."""

    def __init__(
        self,
        widths,
        hidden,
        refinement,
        context=(0,) * 4,
        deeper=(0,) * 4,
        correlation=(0,) * 4,
        shared=0,
        through_plane=0,
        thin=False,
    ):
        super().__init__()
        self.shared, self.thin = shared, thin
        self.encoder, self.outlook, self.decoder = (nn.ModuleDict() for _ in range(3))
        for level, stride in enumerate(STRIDES):
            name, width = f"stride{stride}", widths[level]
            inputs = widths[level - 1] if level else 1
            self.encoder[name] = TwoConvolutions(inputs, width, width, stride=2)
            if context[level]:
                self.outlook[name] = Convolution(width, context[level], kernel=1)
            self.decoder[name] = DecoderLevel(
                2 * width + 1 if level == COARSEST else 3 * width + FLOW + 1,
                context[level],
                2 * width,
                FLOW + (inputs if level else 2 + hidden),
                deeper[level],
                correlation[level],
            )
        self.refinement = Refinement(hidden, refinement, any(context)) if refinement else None
        self.through_plane = ThroughPlane(widths[0], through_plane) if through_plane else None

    def encode(self, slices):
        """Encodes grey slices `[N, 1, H, W]` in [0, 1], sides multiples of 16."""
        maps, context, x = [], [], slices
        for name, level in self.encoder.items():
            x = level(x)
            maps.append(x)
            context.append(self.outlook[name](x) if name in self.outlook else None)
        return Features(slices, maps, context)

    def find_midpoint_flow(self, pair):
        """Flow halfway between the slices, by the levels that share it; None without such."""
        if not self.shared:
            return None
        half = torch.full((1, 1, 1, 1), 0.5)
        state = self._coarsest_level(pair, half)
        for level in range(1, self.shared):
            state = self._refine_level(level, pair, half, state)
        return state

    def decode(self, pair, fraction, midpoint=None):
        """Decodes slices at `fraction` `[N]` of the way from the first to the second of one pair.

        `midpoint` is what `find_midpoint_flow` returned for the pair; without it, it is found anew.
        """
        midpoint = self.find_midpoint_flow(pair) if midpoint is None else midpoint
        fraction = fraction.view(-1, 1, 1, 1)
        pair = pair.expand(fraction.shape[0])
        if midpoint is None:
            state = self._coarsest_level(pair, fraction)
        else:
            state = midpoint.from_midpoint(fraction)
        for level in range(max(self.shared, 1), len(STRIDES)):
            state = self._refine_level(level, pair, fraction, state)
        return self._merge(pair, state, fraction)

    def _coarsest_level(self, pair, fraction):
        maps = [pair.first.maps[COARSEST], pair.second.maps[COARSEST]]
        context = None
        if pair.before.context[COARSEST] is not None:
            context = torch.cat([pair.before.context[COARSEST], pair.after.context[COARSEST]], 1)
        x = torch.cat([*maps, plane(fraction, maps[0])], 1)
        output = self.decoder["stride16"](x, context, maps)
        return FlowState(output[:, :FLOW], output[:, FLOW:], None)

    def _refine_level(self, level, pair, fraction, state):
        """Warps the maps of decoder level `level`, corrects the flow and doubles its sides."""
        index = COARSEST - level
        maps = warp_pair(pair.first.maps[index], pair.second.maps[index], state.flow)
        x = torch.cat([state.hidden, *maps, state.flow, plane(fraction, maps[0])], 1)
        context = None
        if pair.before.context[index] is not None:
            beyond = pair.before.context[index], pair.after.context[index]
            context = _warp_beyond(beyond, pair.present, state.flow)
        output = self.decoder[f"stride{STRIDES[index]}"](x, context, maps)
        flow = upsampled(2 * state.flow, 2) + output[:, :FLOW]
        return FlowState(flow, output[:, FLOW:], state.hidden)

    def _merge(self, pair, state, fraction):
        """Blends the warped slices by the mask, adds the residual and the refinement."""
        known = [pair.first.image, pair.second.image]
        warped = list(warp_pair(*known, state.flow))
        mask, residual, hidden = state.hidden[:, :1], state.hidden[:, 1:2], state.hidden[:, 2:]
        share = (1 - fraction).clamp(0.01, 0.99)
        blend_mask = torch.sigmoid(mask + torch.log(share / (1 - share)))
        merged = warped[1] + (warped[0] - warped[1]) * blend_mask
        slices = merged + residual
        images = pair.before.image, pair.after.image
        beyond = None
        if self.refinement is not None or self.through_plane is not None:
            beyond = _warp_beyond(images, pair.present, state.flow)
        if self.refinement is not None:
            linear = known[0] + (known[1] - known[0]) * fraction
            seen = [*warped, linear, *known, merged, plane(fraction, linear), hidden]
            slices = slices + self.refinement(torch.cat(seen, 1), beyond)
        if self.through_plane is not None:
            known4 = torch.cat([images[0], *known, images[1]], 1)
            before, after = beyond.split(1, 1)
            warped4 = torch.cat([before, *warped, after], 1)
            weights_at = slab_weights if self.thin else cubic_weights
            weights = weights_at(fraction, pair.present)
            slices = self.through_plane(slices, known4, warped4, weights, state.coarse_hidden)
        flow, coarse_hidden = state.flow, state.coarse_hidden
        return Outputs(
            slices, known, warped, merged, blend_mask, flow, hidden, coarse_hidden, fraction
        )


def cubic_weights(fraction, present):
    """Weights `[N, 4, 1, 1]` of the slices at -1, 0, 1 and 2 in the polynomial through those that
    are present, at `fraction` `[N, 1, 1, 1]`, by Lagrange's formula."""
    present = [present[0], 1.0, 1.0, present[1]]
    weights = []
    for i in range(4):
        weight = torch.ones_like(fraction) * present[i]
        for j in range(4):
            if j != i:
                weight = weight * (1 + present[j] * (fraction - (i - 1)) / (i - j))
        weights.append(weight)
    return torch.cat(weights, 1)


def slab_weights(fraction, present):
    """As `cubic_weights`, in the polynomial whose averages over slabs of a distance the slices are:
    c - c'' / 24, where the second difference of a cubic is c''."""
    values = cubic_weights(fraction, present)
    beside = cubic_weights(fraction - 1, present) + cubic_weights(fraction + 1, present)
    return values - (beside - 2 * values) / 24


def _warp_beyond(beyond, present, flow):
    """Maps of the slices beyond the pair, warped along the flow as it continues there: from the
    second slice to the first it is their difference, and as much again to the slice before."""
    first, second = flow[:, :2], flow[:, 2:]
    step = first - second
    before, after = beyond
    return torch.cat(
        [warp(before, first + step * present[0]), warp(after, second - step * present[1])], 1
    )
