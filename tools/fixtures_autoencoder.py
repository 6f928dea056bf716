#!/usr/bin/env python3
"""Fixture of the autoencoder that removes fingerprints, computed by PyTorch.

    pip install torch==2.13.0 safetensors
    python tools/fixtures_autoencoder.py

Writes src/test/resources/fixtures/autoencoder/small.safetensors: GANprintR's network (Neves et al. 2020,
arXiv:1911.05351) with 4 instead of 32 channels after its first convolution and 4 latent ones, on two images of 20 rows
and 14 columns, which no pool divides evenly. Everything is computed in float64 and stored as float32:

    pixels                 NHWC, 0 to 255
    weight/<parameter>     torch's default initialisation, seed 7, but for deconv4.bias, which is 0.5
    output                 of the network for pixels / 255, NHWC
    loss                   mean squared error of the output against its input
    gradient/<parameter>   of the loss
    adam/loss              before each of five steps of Adam with learning rate 1e-3
    adam/<parameter>       after them
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/test/resources/fixtures/autoencoder"


class GanPrintR(nn.Module):
    def __init__(self, width, latent):
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, latent]
        for i in range(4):
            setattr(self, f"conv{i + 1}", nn.Conv2d(channels[i], channels[i + 1], 3, padding=1))
            setattr(self, f"deconv{i + 1}", nn.ConvTranspose2d(channels[4 - i], channels[3 - i], 3, padding=1))

    def forward(self, x):
        places = []
        for i in range(1, 4):
            x = F.relu(getattr(self, f"conv{i}")(x))
            size = x.shape
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            places.append((indices, size))
        x = F.relu(self.conv4(x))
        for i in range(1, 4):
            x = F.relu(getattr(self, f"deconv{i}")(x))
            indices, size = places.pop()
            x = F.max_unpool2d(x, indices, 2, output_size=size[2:])
        return F.relu(self.deconv4(x))


def main():
    torch.manual_seed(7)
    net = GanPrintR(4, 4).double()
    pixels = torch.randint(0, 256, (2, 20, 14, 3)).double()
    x = (pixels / 255).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        # No output starts dead under the last ReLU.
        net.deconv4.bias.fill_(0.5)
    entries = {"pixels": pixels}
    entries |= {f"weight/{n}": p.detach().clone() for n, p in net.named_parameters()}
    output = net(x)
    loss = F.mse_loss(output, x)
    loss.backward()
    entries["output"] = output.detach().permute(0, 2, 3, 1)
    entries["loss"] = loss.detach()
    entries |= {f"gradient/{n}": p.grad.clone() for n, p in net.named_parameters()}
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        adam.zero_grad()
        loss = F.mse_loss(net(x), x)
        losses.append(loss.item())
        loss.backward()
        adam.step()
    entries["adam/loss"] = torch.tensor(losses, dtype=torch.float64)
    entries |= {f"adam/{n}": p.detach() for n, p in net.named_parameters()}
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "small.safetensors"
    metadata = {"command": "python tools/fixtures_autoencoder.py"}
    save_file({k: t.float().contiguous() for k, t in entries.items()}, path, metadata=metadata)
    path.chmod(0o644)
    print(f"{path.name}: {len(entries)} entries, {path.stat().st_size:,} bytes, losses {losses}")


if __name__ == "__main__":
    main()
