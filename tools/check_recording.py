#!/usr/bin/env python3
"""Compares a recorded training step of a ResNet-18 with PyTorch's, tensor by tensor.

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors    # checked with torch 2.13
    ./jresnet record --model resnet18 --width 8 --size 64 --spectra faces/ --out step.rec
    venv/bin/python tools/check_recording.py step.rec

PyTorch starts from the recorded parameters and pixels. Each line is the length of a difference,
relative to the length of PyTorch's tensor, the largest of its kind. The update is made from the
recorded gradients: where a gradient is all rounding, Adam's first step has nothing but its sign.
Exit code 1 if a line is off.
"""

import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

BOUND = 1e-4


def facts_of(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return json.loads(header["__metadata__"]["jresnet.recording"])


def main(path):
    step = load_file(path)
    facts = facts_of(path)
    if facts["network"]["architecture"] != "resnet18" or facts["pass"] != "TRAINING" or facts["step"] != 1:
        sys.exit(f"{path} is not the first training step of a resnet18")
    w = {k.split("/", 1)[1]: torch.tensor(v, requires_grad=True)
         for k, v in step.items() if k.startswith("parameter/")}
    taps = {}

    def tap(name, y):
        y.retain_grad()
        taps[name] = y
        return y

    def conv(name, x, stride, padding):
        return tap(name, F.conv2d(x, w[name + ".weight"], stride=stride, padding=padding))

    def norm(name, x):
        return tap(name, F.batch_norm(x, None, None, w[name + ".weight"], w[name + ".bias"], True))

    mean = torch.tensor(facts["network"]["mean"]).view(1, 3, 1, 1)
    std = torch.tensor(facts["network"]["std"]).view(1, 3, 1, 1)
    x = torch.tensor(step["input"].astype(np.float32)).permute(0, 3, 1, 2) / 255
    x = tap("input", ((x - mean) / std).requires_grad_(True))
    y = F.max_pool2d(F.relu(norm("bn1", conv("conv1", x, 2, 3))), 3, 2, 1)
    for stage in range(1, 5):
        for b in range(2):
            block = f"layer{stage}.{b}"
            stride = 2 if stage > 1 and b == 0 else 1
            shortcut = y
            if block + ".downsample.0.weight" in w:
                shortcut = norm(block + ".downsample.1", conv(block + ".downsample.0", y, stride, 0))
            y = F.relu(norm(block + ".bn1", conv(block + ".conv1", y, stride, 1)))
            y = norm(block + ".bn2", conv(block + ".conv2", y, 1, 1))
            y = tap(block + ".relu", F.relu(tap(block + ".add", y + shortcut)))
    logits = F.linear(y.mean((2, 3)), w["fc.weight"], w["fc.bias"])
    loss = F.cross_entropy(logits, torch.tensor(step["labels"]))
    loss.backward()

    errors = {"loss": abs(loss.item() - facts["loss"])}

    def compare(kind, name, theirs):
        theirs = theirs.detach().numpy() if torch.is_tensor(theirs) else theirs
        ours = step[name]
        length = max(np.linalg.norm(theirs), 1e-30)
        error = float(np.linalg.norm(ours - theirs) / length)
        # NaN is the largest of all.
        errors[kind] = max(errors.get(kind, 0), error if error == error else np.inf)

    for name, value in taps.items():
        compare("outputs", "output/" + name, value.permute(0, 2, 3, 1))
        compare("gradients", "gradient/" + name, value.grad.permute(0, 2, 3, 1))
    for name, value in w.items():
        compare("parameter gradients", "parameter_gradient/" + name, value.grad)
        value.grad = torch.tensor(step["parameter_gradient/" + name])
    o = facts["optimizer"]
    adam = torch.optim.Adam(
        list(w.values()), lr=o["learningRate"], betas=(o["beta1"], o["beta2"]), eps=o["eps"])
    adam.step()
    for name, value in w.items():
        compare("parameters after", "parameter_after/" + name, value)
        compare("Adam's m", "moment1/" + name, adam.state[value]["exp_avg"])
        compare("Adam's v", "moment2/" + name, adam.state[value]["exp_avg_sq"])
    for name in step:
        if name.startswith("singular_values/"):
            matrix = step[name.replace("singular_values/", "parameter/")]
            matrix = matrix.reshape(matrix.shape[0], -1)
            compare("singular values", name, np.linalg.svd(matrix, compute_uv=False))
    for kind, error in errors.items():
        print(f"{kind:20} {error:.2g}{'' if error <= BOUND else '  OFF'}")
    return 0 if all(error <= BOUND for error in errors.values()) else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
