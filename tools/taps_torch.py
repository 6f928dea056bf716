#!/usr/bin/env python3
"""What PyTorch computes at every node of a network in one training step, for `jresnet check --against`.

    pip install torch==2.13.0 torchvision==0.28.0 safetensors
    python tools/taps_torch.py --model resnet50 --weights resnet50.safetensors --out taps.safetensors
    ./jresnet check --bisect --against taps.safetensors --weights resnet50.safetensors --model resnet50

Without --weights the network starts from torch's seed 7 and its weights are written to <out>.weights.safetensors.
Computes in float64 unless --dtype says otherwise and stores float32. Keys:

    pixels               uint8, n h w c; ImageNet's normalisation makes the input of them
    labels               int64
    output/<node>        activations, n h w c; `relu1`, `relu2`, `relu` are the calls of a block's one ReLU
    gradient/<node>      of the loss by that output
    parameter/<name>     of the loss by that parameter
    statistic/<name>     running mean or variance after the step

With --eval the network is in evaluation mode and there are outputs alone: check it with `--work infer`.
"""

import argparse
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from torchvision_import import import_torchvision

MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def read_weights(path):
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, weights_only=True, map_location="cpu")


def nodes(net):
    """jresnet's name of each call of a leaf module: a module that is called several times is numbered."""
    leaves = {name: m for name, m in net.named_modules() if not list(m.children())}
    for module in leaves.values():
        if hasattr(module, "inplace"):
            module.inplace = False
    return leaves


def relu_name(name, call, calls):
    """A block's last ReLU follows the addition and has no number; the stem has one, which is relu1."""
    return name if "." in name and call == calls else f"{name}{call}"


def nhwc(t):
    return (t.permute(0, 2, 3, 1) if t.dim() == 4 else t.flatten(1)).detach().float().contiguous()


def main():
    parser = argparse.ArgumentParser(description="Writes taps of a network; see the head of this file.")
    parser.add_argument("--model", default="resnet50", help="torchvision's name")
    parser.add_argument("--weights", type=pathlib.Path, help=".safetensors or .pth")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7, help="of the pixels")
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32", "bfloat16"])
    parser.add_argument("--eval", action="store_true", help="evaluation mode, no backward pass")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    a = parser.parse_args()
    if a.out.exists():
        parser.error(f"{a.out} exists")
    torch.manual_seed(7)
    net = getattr(import_torchvision().models, a.model)(num_classes=a.classes)
    if a.weights:
        net.load_state_dict(read_weights(a.weights), strict=True)
    else:
        save_file(net.state_dict(), a.out.with_suffix(".weights.safetensors"))
    net = net.to(getattr(torch, a.dtype)).train(not a.eval)

    taps = {}  # module name -> values and outputs, one a call
    for name, module in nodes(net).items():
        def keep(module, inputs, y, name=name):
            if y.requires_grad:
                y.retain_grad()
            # A copy: torchvision adds the identity to the last batch norm's output in place.
            taps.setdefault(name, []).append((y.detach().clone(), y))

        module.register_forward_hook(keep)
    pixels = np.random.default_rng(a.seed).integers(0, 256, (a.batch, a.size, a.size, 3), dtype=np.uint8)
    x = torch.from_numpy((pixels.astype(np.float32) / np.float32(255) - MEAN) / STD)
    labels = torch.arange(a.batch) % a.classes
    logits = net(x.permute(0, 3, 1, 2).contiguous().to(getattr(torch, a.dtype)))
    if not a.eval:
        torch.nn.functional.cross_entropy(logits, labels).backward()

    out = {"pixels": torch.from_numpy(pixels), "labels": labels}
    for name, calls in taps.items():
        for i, (value, y) in enumerate(calls, start=1):
            node = relu_name(name, i, len(calls)) if name.split(".")[-1] == "relu" else name
            out[f"output/{node}"] = nhwc(value)
            if y.grad is not None:
                out[f"gradient/{node}"] = nhwc(y.grad)
    if not a.eval:
        for name, p in net.named_parameters():
            out[f"parameter/{name}"] = p.grad.float()
        for name, b in net.named_buffers():
            if b.is_floating_point():
                out[f"statistic/{name}"] = b.float()
    save_file(out, a.out, metadata={"model": a.model, "classes": str(a.classes), "torch": torch.__version__})
    print(f"{a.out}: {len(out)} tensors, loss of {len(labels)} images at {a.size}x{a.size}")


if __name__ == "__main__":
    main()
