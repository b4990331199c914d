#!/usr/bin/env python3
"""Training steps of hrinet-motion and hrinet-mse (Step I and Step II) in PyTorch, for comparison
with `cargo bench --bench training_step` on the same machine.

    python3 -m venv /some/venv && /some/venv/bin/pip install torch==2.11.0 numpy
    /some/venv/bin/python benches/pytorch_step.py --threads 1 --size 128 --batch 4

torch 2.11.0 is the libtorch that the program uses. Run both with the same threads and the same
process priority, in turn. The networks have the same layers and the optimiser is torch.optim with
`foreach`, its fastest on a CPU that does not need a compiler.
"""

import argparse
import time

import torch
from torch import nn
from torch.nn import functional as F

TRUNK = [16, 32, 64, 128, 128, 128]


def conv(inputs, outputs, kernel=3, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2)


class Encoder(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.entry = conv(1, TRUNK[0], 1)
        widths = TRUNK[: 3 + len(maps)]
        inputs = [TRUNK[0], *widths[:-1]]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                conv(i, o), nn.LeakyReLU(0.2), conv(o, o), nn.LeakyReLU(0.2), nn.AvgPool2d(2)
            )
            for i, o in zip(inputs, widths)
        )
        self.bottlenecks = nn.ModuleList(conv(w, m) for w, m in zip(widths[3:], maps))

    def forward(self, x):
        x = self.entry(x)
        maps = []
        for level, block in enumerate(self.blocks):
            x = block(x)
            if level >= 3:
                maps.append(self.bottlenecks[level - 3](x))
        return maps


class Decoder(nn.Module):
    def __init__(self, maps):
        super().__init__()
        deepest = 3 + len(maps)
        inputs = maps[-1]
        blocks = []
        for halvings in reversed(range(deepest)):
            outputs = TRUNK[max(halvings - 1, 0)]
            beside = maps[halvings - 4] if halvings >= 4 else 0
            blocks.append(
                nn.Sequential(
                    conv(inputs + beside, outputs),
                    nn.LeakyReLU(0.2),
                    conv(outputs, outputs),
                    nn.LeakyReLU(0.2),
                )
            )
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.exit = conv(inputs, 1)

    def forward(self, maps):
        finer = list(maps)
        x = finer.pop()
        for block in self.blocks:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            if finer:
                x = torch.cat([x, finer.pop()], 1)
            x = block(x)
        return self.exit(x)


class PatchGan(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [conv(1, 64, 4, 2), nn.LeakyReLU(0.2)]
        for i, o, stride in [(64, 128, 2), (128, 256, 2), (256, 512, 1)]:
            layers += [conv(i, o, 4, stride), nn.InstanceNorm2d(o), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, conv(512, 1, 4))

    def forward(self, x):
        return self.layers(x)


class ConvPrelu(nn.Sequential):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__(conv(inputs, outputs, 3, stride), nn.PReLU(outputs))


class Motion(nn.Module):
    def __init__(self, widths=(12, 32, 64, 96), hidden=4, refinement=8):
        super().__init__()
        inputs = [1, *widths[:-1]]
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvPrelu(i, o, 2), ConvPrelu(o, o)) for i, o in zip(inputs, widths)
        )
        self.levels = nn.ModuleList()
        for level in reversed(range(4)):
            width = widths[level]
            seen = 2 * width + 1 if level == 3 else 3 * width + 5
            put_out = 4 + (2 + hidden if level == 0 else widths[level - 1])
            up = nn.ConvTranspose2d(2 * width, put_out, 4, 2, 1)
            nn.init.normal_(up.weight, std=1e-3)
            residual = nn.Sequential(*(ConvPrelu(2 * width, 2 * width) for _ in range(2)))
            self.levels.append(nn.ModuleList([ConvPrelu(seen, 2 * width), residual, up]))
        units = [ConvPrelu(7 + hidden, refinement), ConvPrelu(refinement, refinement)]
        last = [ConvPrelu(refinement, refinement), conv(refinement, 1)]
        self.refinement = nn.Sequential(*units, *last)

    def forward(self, first, second, alpha):
        ends = torch.cat([first, second])
        maps = [ends]
        for block in self.encoder:
            maps.append(block(maps[-1]))
        ones, twos = zip(*(m.chunk(2) for m in maps))
        fraction = (1 - alpha).view(-1, 1, 1, 1)

        def plane(like):
            return fraction.expand(-1, 1, *like.shape[2:])

        def run(level, x):
            entry, residual, up = level
            x = entry(x)
            return up(x + residual(x))

        found = run(self.levels[0], torch.cat([ones[4], twos[4], plane(ones[4])], 1))
        motion, hidden = found[:, :4], found[:, 4:]
        for level, at in zip(self.levels[1:], [3, 2, 1]):
            w1, w2 = warp(ones[at], motion[:, :2]), warp(twos[at], motion[:, 2:])
            found = run(level, torch.cat([hidden, w1, w2, motion, plane(w1)], 1))
            size = found.shape[2:]
            coarse = F.interpolate(motion, size=size, mode="bilinear", align_corners=False)
            motion, hidden = 2 * coarse + found[:, :4], found[:, 4:]
        w1, w2 = warp(first, motion[:, :2]), warp(second, motion[:, 2:])
        mask, residual, hidden = hidden[:, :1], hidden[:, 1:2], hidden[:, 2:]
        mask = torch.sigmoid(mask + torch.logit((1 - fraction).clamp(0.01, 0.99)))
        merged = w2 + (w1 - w2) * mask
        linear = first + (second - first) * fraction
        seen = torch.cat([w1, w2, linear, first, second, merged, plane(linear), hidden], 1)
        return merged + residual + self.refinement(seen)


def warp(x, motion):
    rows, columns = x.shape[2:]
    y, z = torch.linspace(-1, 1, rows).view(1, -1, 1), torch.linspace(-1, 1, columns).view(1, 1, -1)
    across, down = 2 / (columns - 1), 2 / (rows - 1)
    grid = torch.stack([motion[:, 0] * across + z, motion[:, 1] * down + y], -1)
    return F.grid_sample(x, grid, "bilinear", "border", align_corners=True)


def motion_step(size, batch):
    network = Motion()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, foreach=True)
    first, second, truth = torch.rand(3, batch, 1, size, size).unbind()
    alpha = torch.rand(batch)

    def step():
        optimizer.zero_grad()
        loss = F.mse_loss(network(first, second, alpha), truth)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def mse_step(size, batch, inner=5):
    maps = [16, 8, 8]
    encoder, decoder = Encoder(maps), Decoder(maps)
    critic, patch_gan = Encoder([16]), PatchGan()
    own = [*encoder.parameters(), *decoder.parameters()]
    groups = (own, critic.parameters(), patch_gan.parameters())
    adam = [torch.optim.Adam(group, 1e-4, foreach=True) for group in groups]
    first, second = torch.rand(2, batch, 1, size, size).unbind()
    truth = torch.rand(batch * inner, 1, size, size)
    steps = (torch.arange(1, inner + 1) / (inner + 1)).repeat(batch)

    def mix(one, two, alpha):
        return [b + (a - b) * alpha.view(-1, 1, 1, 1) for a, b in zip(one, two)]

    def guess(x):
        return critic(x)[0].mean((1, 2, 3))

    def descend(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def step():
        slices, alpha = torch.cat([first, second]), torch.rand(batch)
        maps = encoder(slices)
        made = decoder(maps)
        mixed = decoder(mix(*zip(*(m.chunk(2) for m in maps)), alpha))
        anchor = made.detach() + 0.2 * (slices - made.detach())
        target = torch.minimum(alpha, 1 - alpha)
        loss = F.mse_loss(guess(mixed.detach()), target) + guess(anchor).square().mean()
        descend(adam[1], loss)
        real, fake = patch_gan(slices), patch_gan(mixed.detach())
        descend(adam[2], -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean())
        for network in (critic, patch_gan):
            network.requires_grad_(False)
        against = 0.5 * guess(mixed).square().mean() + 5e-4 * F.logsigmoid(-patch_gan(mixed)).mean()
        descend(adam[0], F.mse_loss(made, slices) + against)
        for network in (critic, patch_gan):
            network.requires_grad_(True)
        maps = encoder(slices)
        one, two = zip(*([half.repeat_interleave(inner, 0) for half in m.chunk(2)] for m in maps))
        loss = F.mse_loss(decoder(mix(one, two, steps)), truth)
        descend(adam[0], loss)
        return loss.item()

    return step


parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--size", type=int, default=128)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--steps", type=int, default=10)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
print(f"torch {torch.__version__}, squares of {arguments.size}, batches of {arguments.batch}")
for name, make in [("hrinet-mse", mse_step), ("hrinet-motion", motion_step)]:
    step = make(arguments.size, arguments.batch)
    for _ in range(2):
        step()
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(arguments.steps):
            step()
        best = min(best, time.perf_counter() - start)
    print(f"{name}: {arguments.steps / best:.2f} steps/s")
