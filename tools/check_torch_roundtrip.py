#!/usr/bin/env python3
"""Loads a model that jresnet saved into torchvision and predicts with it: PyTorch's answer to `./jresnet predict`.

    pip install torch==2.13.0 torchvision==0.28.0 safetensors
    python tools/check_torch_roundtrip.py runs/r1/best.safetensors photo.jpg other/*.png
    python tools/check_torch_roundtrip.py resnet50.pth --model resnet50 --classes 2 --size 224 photo.jpg
    ./jresnet predict --json runs/r1 photo.jpg                     # the same objects, to compare

Prints one JSON object a line with `file`, `class`, `probability` and `probabilities` by class name. A jresnet
.safetensors file says itself what the network is and how images enter it; options override that. A .pth file
holds only tensors: then --model and --classes are needed, and classes are numbered.
"""

import argparse
import json
import pathlib

import torch
from PIL import Image
from safetensors import safe_open

from torchvision_import import import_torchvision

torchvision = import_torchvision()
T = torchvision.transforms


def read(path):
    """State dict and jresnet's metadata, which only safetensors files have."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as f:
            metadata = {k: v for k, v in (f.metadata() or {}).items() if k.startswith("jresnet.")}
            return {name: f.get_tensor(name) for name in f.keys()}, metadata
    return torch.load(path, map_location="cpu", weights_only=True), {}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=pathlib.Path, help=".safetensors or .pth file")
    parser.add_argument("images", nargs="*", type=pathlib.Path)
    parser.add_argument("--model", help="a name that both know, such as resnet18")
    parser.add_argument("--classes", help="their number, or their names with commas between")
    parser.add_argument("--size", type=int, help="side of the input in pixels (224)")
    parser.add_argument("--resize", choices=["stretch", "crop"], help="stretch to the size (default), or crop")
    return parser, parser.parse_intermixed_args()


def main():
    parser, given = arguments()
    if missing := [str(p) for p in [given.weights, *given.images] if not p.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    state, metadata = read(given.weights)
    model = given.model or metadata.get("jresnet.architecture")
    if given.classes:
        names = [str(i) for i in range(int(given.classes))] if given.classes.isdigit() else given.classes.split(",")
    else:
        names = json.loads(metadata.get("jresnet.classes", "[]"))
    if not model or not names:
        parser.error(f"{given.weights} does not say what it holds; give --model and --classes")
    if metadata.get("jresnet.width", "64") != "64":
        parser.error(f"{given.weights} has a stem of {metadata['jresnet.width']} channels; torchvision's has 64")
    size = given.size or int(metadata.get("jresnet.size", 224))
    resize = given.resize or metadata.get("jresnet.resize", "stretch")
    mean, std = (
        [float(v) for v in metadata.get(f"jresnet.{key}", default).split(",")]
        for key, default in (("mean", "0.485,0.456,0.406"), ("std", "0.229,0.224,0.225"))
    )

    net = getattr(torchvision.models, model)(num_classes=len(names))
    net.load_state_dict(state, strict=True)
    net.eval()
    if resize == "stretch":
        fit = [T.Resize((size, size))]
    else:
        fit = [T.Resize(max(size, int(size * 256 / 224 + 0.5))), T.CenterCrop(size)]
    transform = T.Compose([*fit, T.ToTensor(), T.Normalize(mean, std)])
    for path in given.images:
        with Image.open(path) as image, torch.inference_mode():
            probabilities = net(transform(image.convert("RGB"))[None])[0].softmax(0).tolist()
        best = max(range(len(names)), key=probabilities.__getitem__)
        result = {
            "file": str(path),
            "class": names[best],
            "probability": probabilities[best],
            "probabilities": dict(zip(names, probabilities, strict=True)),
        }
        print(json.dumps(result))
    if not given.images:
        print(f"{given.weights}: all {len(state)} tensors fit torchvision's {model} with {len(names)} classes")


if __name__ == "__main__":
    main()
