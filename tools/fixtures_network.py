#!/usr/bin/env python3
"""Fixtures of whole networks, computed by PyTorch and torchvision.

    pip install torch==2.13.0 torchvision==0.28.0 safetensors
    python tools/fixtures_network.py                 # all cases, half a minute on two idle cores
    python tools/fixtures_network.py resnet18-w8     # one case; `state-dicts` is the JSON file
    python tools/fixtures_network.py --search 50 resnet18-w8      # how `image_seed` was chosen, see below

Made with torch 2.13.0 (CPU), torchvision 0.28.0, numpy 2.4, safetensors 0.8, weights from seed 42. Writes
src/test/resources/fixtures/network/<case>.safetensors and state-dicts.json. Every number is computed by a
float64 network and stored as float32. The same is computed in float32, and `float32_distance` says for each
quantity how far PyTorch's own float32 lies from the stored values: `worst` and `median` over its tensors of
|float32 - float64| / |float64| (L2 norms), and which tensor is worst. Facts like this one stand in the file's
metadata, in one entry `fixture`, which is a JSON object. `bfloat16_distance` holds |bfloat16 - float64| /
|float64| of each tensor of eval, train and nodes, computed by PyTorch under torch.autocast("cpu", torch.bfloat16).
Another machine gives the same values up to rounding, not always the same bytes.

Weights and images are not stored: they follow from their name. Element i of the tensor called `name`, counted
in row-major order of torch's shape (images: n, h, w, c), with unsigned 64-bit arithmetic that wraps:

    h     = fnv1a64(utf8(name))                 offset 0xCBF29CE484222325, prime 0x100000001B3
    z     = h + seed * G + i + G                G = 0x9E3779B97F4A7C15
    z     = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z     = (z ^ (z >> 27)) * 0x94D049BB133111EB
    u     =  z ^ (z >> 31)
    v     = (u >> 40) / 2^24 - 0.5              exact in float32, -0.5 <= v < 0.5

and, each line one float32 operation per rounding, the scale computed in double and rounded once:

    convolution [k, c, r, s]   v * float32(sqrt(12) * sqrt(2 / (r * s * f)))     f: k (fan-out), or c (fan-in)
    convolution's bias         v * float32(0.2)
    batch norm weight          1 + 0.5 * v; a quarter of that for the third one of a bottleneck (`bn3.weight`), and
                               with fan-in half of it behind a convolution with k < c, which ends a branch
    batch norm bias            v * float32(0.2)
    running_mean               v * float32(0.2)
    running_var                1 + v
    num_batches_tracked        7
    linear weight and bias     v * float32(2 / sqrt(fan_in))
    pixels, name `pixels`      u >> 56, an unsigned byte, with the case's `image_seed` instead of the weights' seed
    network input, `input`     (pixel / 255 - mean) / std, ImageNet's, as torchvision's ToTensor and Normalize

Fan-out is ResNets' scheme; the metadata's `filters` says which it is. By fan-out a depthwise convolution would let
next to nothing through, and the logits in evaluation mode would depend on biases alone.

The metadata's `sha256` holds SHA-256 of the little-endian bytes of some of these tensors.

Why the quarter and the image seeds: the gradient of a ReLU jumps where its input is zero. One input among N that
rounding puts on the other side changes the gradients by about 1/sqrt(N), which for these small images is far more
than any rounding, and a test could not tell that from a mistake. With the quarter a 50-layer network multiplies
rounding errors by 20 instead of 1000, and `image_seed` is one of those for which every ReLU input (and every
decision of the max pool) keeps a distance of several float32 errors from the jump: the metadata's `margin` is
the smallest distance in units of the root mean square of PyTorch's own float32 error in that tensor. Each is
among the best of 100 seeds (400 for the full ResNet-50). The margin covers one step: the ten steps of the
optimizers can still meet a jump, and Adam, which divides each gradient by its own size, moves a parameter whose
gradient is all rounding by up to the learning rate a step. Gradients that are exactly zero, whatever rounding makes of
them, are not stored, nor such parameters after the steps: the metadata's `zero_gradients` names them.

Layout. A quantity is stored whole under its key, or, where that would be too large, as `<key>/samples` and
`<key>/norm` (L2 norm of the whole). Sample j of n elements is element u mod n, with u as above for the name
`<name>#samples`, seed 0, i = j; <name> is the key's last part. Activations are NHWC; keys name jresnet's nodes:

    labels, class_weights                            as given to the loss
    eval/activation/<node>                           evaluation mode; maxpool (stem), layerN.M.relu (end of stage N),
                                                     avgpool, fc (logits)
    train/activation/<node>                          training mode (batch statistics)
    train/loss, train/dlogits                        mean cross-entropy and its gradient by the logits
    train/gradient/<parameter>
    nodes/activation/<node>, nodes/gradient/<node>   of that step at every module, and the gradient by its output
    train/statistic/<running statistic>              after that one forward pass; num_batches_tracked is int64
    smooth/loss, smooth/dlogits                      label smoothing 0.1 and class weights
    squared/targets, squared/loss                    mean squared error of the logits, and
    squared/gradient/<parameter>                     its gradients
    seed/seed, seed/gradient/<parameter>             logits.backward(seed)
    frozen/loss, frozen/gradient/<parameter>         training step with every batch norm in evaluation mode
    <optimizer>/loss                                 ten steps on the same batch in training mode, loss before each
    <optimizer>/parameter/<parameter>                after the tenth step
    clip/norm, clip/parameter/<parameter>            one SGD step, lr 1, of gradients clipped to the norm 1

Optimizers: adam (lr 1e-3), adamw (lr 1e-3, weight decay 0.05), sgd (lr 0.01, momentum 0.9, weight decay 1e-4);
all else torch's defaults. Case `<model>-w8` is the network with 8 channels in the stem and all others in proportion,
rounded as torchvision's constructors round. Nothing is dropped: the share of dropout and stochastic depth is 0.
Forms of blocks that torchvision does not have (`resnet18:shortcut=A`) are made here of its layers.
"""

import argparse
import dataclasses
import functools
import hashlib
import json
import math
import pathlib
import statistics
import time

import numpy as np
import torch
from safetensors.torch import save_file

from taps_torch import relu_name
from torchvision_import import import_torchvision

SEED = 42
OUT = pathlib.Path(__file__).resolve().parent.parent / "src/test/resources/fixtures/network"
COMMAND = "python tools/fixtures_network.py"
BATCHES_TRACKED = 7
MODELS = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2",
    "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "mobilenet_v2", "mobilenet_v3_small",
    "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_v2_s",
    "regnet_y_400mf",
]  # fmt: skip


torchvision = import_torchvision()
models = torchvision.models
resnet = models.resnet
DROPS = (torch.nn.Dropout, torchvision.ops.StochasticDepth)
# Where the derivatives of activations jump.
JUMPS = {torch.nn.ReLU: [0], torch.nn.ReLU6: [0, 6], torch.nn.Hardswish: [-3, 3], torch.nn.Hardsigmoid: [-3, 3]}

# ---------------------------------------------------------------- values from names

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001B3 & MASK
    return h


def mix(name, seed, count):
    """The 64-bit numbers u of `count` elements."""
    z = np.arange(count, dtype=np.uint64) + np.uint64((fnv1a64(name) + seed * GOLDEN + GOLDEN) & MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@functools.cache
def unit(name, shape, seed):
    """The values v as float32."""
    u = mix(name, seed, math.prod(shape)) >> np.uint64(40)
    return ((u.astype(np.float64) / 2**24) - 0.5).astype(np.float32).reshape(shape)


def seeded(net, filters):
    """The float parameters and running statistics of a network by name; `filters` is fan_in or fan_out."""
    projects = False  # whether the last convolution made fewer channels than it took
    for prefix, module in net.named_modules():
        for field, t in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            name, shape = f"{prefix}.{field}", tuple(t.shape)
            if field == "num_batches_tracked":
                continue
            v = unit(name, shape, SEED)
            if isinstance(module, torch.nn.Linear):
                v = v * np.float32(2 / math.sqrt(module.in_features))
            elif field in ("bias", "running_mean"):
                v = v * np.float32(0.2)
            elif field == "running_var":
                v = np.float32(1) + v
            elif isinstance(module, torch.nn.Conv2d):
                projects = shape[0] < shape[1]
                fan = shape[2] * shape[3] * shape[1 if filters == "fan_in" else 0]
                v = v * np.float32(math.sqrt(12) * math.sqrt(2 / fan))
            else:
                v = np.float32(1) + np.float32(0.5) * v
                v = np.float32(0.25) * v if name.endswith("bn3.weight") else v
                v = np.float32(0.5) * v if projects and filters == "fan_in" else v
            yield name, v


def seeded_pixels(batch, height, width, seed):
    """Images as bytes, NHWC."""
    shape = (batch, height, width, 3)
    return (mix("pixels", seed, math.prod(shape)) >> np.uint64(56)).astype(np.uint8).reshape(shape)


def normalized(pixels):
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return (pixels.astype(np.float32) / np.float32(255) - mean) / std


def sample_indices(name, elements, count):
    return (mix(name + "#samples", 0, count) % np.uint64(elements)).astype(np.int64)


# ---------------------------------------------------------------- networks


def narrow_shufflenet(build, width, classes):
    channels = [2 * max(1, round(c / 2 * width / 24)) for c in (116, 232, 464, 1024)]
    return models.shufflenetv2.ShuffleNetV2([4, 8, 4], [width, *channels], num_classes=classes)


def narrow_efficientnet(build, width, classes):
    setting, _ = models.efficientnet._efficientnet_conf("efficientnet_b0", width_mult=width / 32, depth_mult=1.0)
    return models.efficientnet.EfficientNet(setting, 0.0, num_classes=classes)


def narrow_efficientnet_v2(build, width, classes):
    setting, last = models.efficientnet._efficientnet_conf("efficientnet_v2_s")
    for row in setting:
        row.input_channels = row.adjust_channels(row.input_channels, width / 24)
        row.out_channels = row.adjust_channels(row.out_channels, width / 24)
    return models.efficientnet.EfficientNet(
        setting,
        0.0,
        num_classes=classes,
        norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=1e-3),
        last_channel=setting[0].adjust_channels(last, width / 24),
    )


def narrow_regnet(build, width, classes):
    group = 8 * width // 32
    widths = [group * max(1, round(c * width / 32 / group)) for c in (48, 104, 208, 440)]
    blocks = models.regnet.BlockParams([1, 3, 6, 6], widths, [group] * 4, [1.0] * 4, [2] * 4, 0.25)
    return models.regnet.RegNet(blocks, num_classes=classes, stem_width=width)


NARROWER = {
    "mobilenet_v2": lambda build, width, classes: build(num_classes=classes, width_mult=width / 32),
    "mobilenet_v3_small": lambda build, width, classes: build(num_classes=classes, width_mult=width / 16),
    "mobilenet_v3_large": lambda build, width, classes: build(num_classes=classes, width_mult=width / 16),
    "shufflenet_v2_x1_0": narrow_shufflenet,
    "efficientnet_b0": narrow_efficientnet,
    "efficientnet_v2_s": narrow_efficientnet_v2,
    "regnet_y_400mf": narrow_regnet,
}


class PaddedShortcut(torch.nn.Module):
    """Option A of He et al. 2015: every so many pixels, and zeros for the channels that are missing."""

    def __init__(self, conv):
        super().__init__()
        self.stride, self.added = conv.stride[0], conv.out_channels - conv.in_channels

    def forward(self, x):
        return torch.nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


class PreActivated(torch.nn.Module):
    """A block with norm and activation in front of each convolution (He et al. 2016, arXiv:1603.05027, figure 1 b); the
    first block of all finds them in the stem."""

    def __init__(self, block, first):
        super().__init__()
        self.convs = [n for n in ("conv1", "conv2", "conv3") if hasattr(block, n)]
        for i, name in enumerate(self.convs, start=1):
            conv = getattr(block, name)
            if i > 1 or not first:
                setattr(self, f"bn{i}", torch.nn.BatchNorm2d(conv.in_channels))
                setattr(self, f"relu{i}", torch.nn.ReLU())
            setattr(self, name, conv)
        self.downsample = block.downsample and block.downsample[:1]

    def forward(self, x):
        f = activated = self.relu1(self.bn1(x)) if hasattr(self, "bn1") else x
        for i, name in enumerate(self.convs, start=1):
            f = getattr(self, name)(getattr(self, f"relu{i}")(getattr(self, f"bn{i}")(f)) if i > 1 else f)
        return f + (self.downsample(activated) if self.downsample else x)


def pad_shortcuts(net):
    for block in net.modules():
        if getattr(block, "downsample", None):
            block.downsample = PaddedShortcut(block.downsample[0])


def pre_activate(net):
    for i in range(1, 5):
        stage = getattr(net, f"layer{i}")
        for j in range(len(stage)):
            stage[j] = PreActivated(stage[j], first=i == 1 and j == 0)
    net.bn2, net.relu2 = torch.nn.BatchNorm2d(net.fc.in_features), torch.nn.ReLU()
    net.avgpool.register_forward_pre_hook(lambda module, inputs: (net.relu2(net.bn2(inputs[0])),))


FORMS = {"shortcut=A": pad_shortcuts, "preact": pre_activate}


def architecture(model, width, classes):
    """torchvision's network with `width` channels in the stem, or None for the published number; without values. Behind
    a colon stands what is made of it here."""
    model, _, form = model.partition(":")
    if form:
        net = architecture(model, width, classes)
        with torch.device("meta"):
            FORMS[form](net)
        return net
    with torch.device("meta"):
        build = getattr(models, model)
        if width is None and model.startswith("regnet"):
            with torch.device("cpu"):  # its widths are computed with tensors
                return build(num_classes=classes).to("meta")
        if width is None:
            return build(num_classes=classes)
        if model in NARROWER:
            return NARROWER[model](build, width, classes)
        net = build(num_classes=classes)
        if width != 64:
            stages = [net.layer1, net.layer2, net.layer3, net.layer4]
            block = type(net.layer1[0])
            net.inplanes = width
            net.conv1 = torch.nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
            net.bn1 = torch.nn.BatchNorm2d(width)
            for i, stage in enumerate(stages):
                made = net._make_layer(block, width << i, len(stage), stride=1 if i == 0 else 2)
                setattr(net, f"layer{i + 1}", made)
            net.fc = torch.nn.Linear((width << 3) * block.expansion, classes)
    return net


def stored_type(dtype):
    """autocast wants parameters and input in float32."""
    return torch.float32 if dtype == torch.bfloat16 else dtype


def network(case, dtype):
    dtype = stored_type(dtype)
    net = architecture(case.model, case.width, case.classes)
    state = {n: torch.tensor(BATCHES_TRACKED) for n in net.state_dict() if n.endswith("num_batches_tracked")}
    for name, values in seeded(net, case.filters):
        state[name] = torch.from_numpy(values).to(dtype, copy=True)
    net.load_state_dict(state, strict=True, assign=True)
    for module in net.modules():
        if isinstance(module, DROPS):
            module.p = 0.0
    return net


def outputs(net):
    """The modules whose outputs are kept, by jresnet's node name; the last one is the head."""
    if isinstance(net, resnet.ResNet):
        nodes = {"maxpool": net.maxpool}
        for i in range(1, 5):
            stage = getattr(net, f"layer{i}")
            end = "add" if isinstance(stage[-1], PreActivated) else "relu"
            nodes[f"layer{i}.{len(stage) - 1}.{end}"] = stage
        return nodes | {"avgpool": net.avgpool, "fc": net.fc}
    if isinstance(net, models.ShuffleNetV2):
        stages = {f"stage{i}.{len(s) - 1}.shuffle": s for i, s in zip((2, 3, 4), (net.stage2, net.stage3, net.stage4))}
        return {"maxpool": net.maxpool, **stages, "conv5.2": net.conv5, "fc": net.fc}
    if isinstance(net, models.RegNet):
        stages = {f"trunk_output.{s}.{[*m._modules][-1]}.activation": m for s, m in net.trunk_output.named_children()}
        return {"stem.2": net.stem, **stages, "avgpool": net.avgpool, "fc": net.fc}
    # Every other stage: the last sum, or the last layer.
    nodes = {}
    for i, stage in enumerate(net.features):
        if i % 2 == 0 or i == len(net.features) - 1:
            block, at = stage, f"features.{i}"
            if isinstance(net, models.EfficientNet) and 0 < i < len(net.features) - 1:
                block, at = stage[-1], f"{at}.{len(stage) - 1}"
            leaves = [n for n, m in block.named_modules() if not list(m.children()) and not isinstance(m, DROPS)]
            nodes[f"{at}.{'add' if getattr(block, 'use_res_connect', False) else leaves[-1]}"] = stage
    pool = {"avgpool": net.avgpool} if hasattr(net, "avgpool") else {}
    return nodes | pool | {f"classifier.{len(net.classifier) - 1}": net.classifier[-1]}


def tapped(net, x):
    """Logits, and activations by node name, NHWC."""
    taps = {}
    nodes = outputs(net)

    def keep(node):
        def hook(module, inputs, y):
            y = y.detach().clone()
            if y.dim() == 4:
                y = y.permute(0, 2, 3, 1)
            taps[node] = y.flatten(1) if node == "avgpool" else y.contiguous()

        return hook

    handles = [module.register_forward_hook(keep(node)) for node, module in nodes.items()]
    logits = net(x)
    for handle in handles:
        handle.remove()
    return logits, taps


# ---------------------------------------------------------------- what is computed


@dataclasses.dataclass(frozen=True)
class Case:
    model: str
    width: int
    classes: int
    labels: tuple
    height: int
    width_px: int
    image_seed: int
    recipes: tuple
    whole: tuple  # prefixes of keys that are stored whole

    @property
    def filters(self):
        return "fan_out" if "res" in self.model else "fan_in"

    def pixels(self):
        return seeded_pixels(len(self.labels), self.height, self.width_px, self.image_seed)

    def input(self, dtype):
        return torch.from_numpy(normalized(self.pixels())).permute(0, 3, 1, 2).contiguous().to(stored_type(dtype))


ACTIVATIONS = ("eval/activation", "train/activation")
NARROW = (5, (1, 4, 2, 0))
FULL = (1000, (7, 938))
CASES = {
    "resnet18-w8": Case(
        "resnet18", 8, *NARROW, 64, 64, 59,
        ("eval", "train", "nodes", "smooth", "frozen", "clip", "adam", "adamw", "sgd"),
        (*ACTIVATIONS, "train", "adam/"),
    ),
    "resnet18-w8-75x61": Case("resnet18", 8, *NARROW, 75, 61, 82, ("eval", "train"), ACTIVATIONS),
    "resnet50-w8": Case(
        "resnet50", 8, *NARROW, 64, 64, 34, ("eval", "train", "nodes", "smooth", "adam"), (*ACTIVATIONS, "train")
    ),
    "wide_resnet50_2-w8": Case(
        "wide_resnet50_2", 8, *NARROW, 64, 64, 16, ("eval", "train", "squared", "seed"), ACTIVATIONS
    ),
    "wide_resnet101_2-w4": Case("wide_resnet101_2", 4, *NARROW, 64, 64, 2, ("eval", "train"), ACTIVATIONS),
    "resnext50_32x4d-w16": Case("resnext50_32x4d", 16, *NARROW, 64, 64, 4, ("eval", "train"), ()),
    "resnext101_32x8d-w8": Case("resnext101_32x8d", 8, *NARROW, 64, 64, 1, ("eval", "train"), ()),
    "mobilenet_v3_small-w8": Case(
        "mobilenet_v3_small", 8, *NARROW, 64, 64, 24, ("eval", "train", "nodes", "frozen", "adam"), ()
    ),
    "mobilenet_v3_large-w8": Case("mobilenet_v3_large", 8, *NARROW, 64, 64, 2, ("eval", "train", "adam"), ()),
    "mobilenet_v2-w8": Case("mobilenet_v2", 8, *NARROW, 64, 64, 3, ("eval", "train", "adam"), ()),
    "shufflenet_v2_x1_0-w6": Case("shufflenet_v2_x1_0", 6, *NARROW, 64, 64, 7, ("eval", "train", "adam"), ()),
    "efficientnet_b0-w8": Case("efficientnet_b0", 8, *NARROW, 64, 64, 0, ("eval", "train", "adam"), ()),
    "efficientnet_v2_s-w8": Case("efficientnet_v2_s", 8, *NARROW, 64, 64, 0, ("eval", "train", "adam"), ()),
    "regnet_y_400mf-w8": Case("regnet_y_400mf", 8, *NARROW, 64, 64, 2, ("eval", "train", "adam"), ()),
    "resnet18-shortcut-a-w8": Case("resnet18:shortcut=A", 8, *NARROW, 64, 64, 0, ("eval", "train"), ()),
    "resnet50-preact-w8": Case("resnet50:preact", 8, *NARROW, 64, 64, 34, ("eval", "train"), ()),
    "resnet18": Case("resnet18", 64, *FULL, 64, 64, 31, ("eval", "train", "adam-loss"), ()),
    "resnet50": Case("resnet50", 64, *FULL, 64, 64, 144, ("eval", "train"), ()),
    "resnet50-224": Case("resnet50", 64, 1000, (7,), 224, 224, 0, ("eval",), ()),
}  # fmt: skip

OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.05),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-4),
}


def class_weights(case, dtype):
    return torch.tensor([0.5 + 0.25 * (i % 5) for i in range(case.classes)], dtype=dtype)


def evaluate(case, dtype):
    with torch.no_grad():
        _, taps = tapped(network(case, dtype).eval(), case.input(dtype))
    return {f"eval/activation/{node}": y for node, y in taps.items()}


def gradients(net, prefix):
    return {f"{prefix}/{name}": p.grad.clone() for name, p in net.named_parameters()}


def parameters(net, prefix):
    return {f"{prefix}/{name}": p.detach().clone() for name, p in net.named_parameters()}


def trained(case, dtype):
    """The network after one backward pass."""
    net = network(case, dtype).train()
    torch.nn.functional.cross_entropy(net(case.input(dtype)), torch.tensor(case.labels)).backward()
    return net


def train(case, dtype):
    net = network(case, dtype).train()
    logits, taps = tapped(net, case.input(dtype))
    logits.retain_grad()
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(case.labels))
    loss.backward()
    out = {f"train/activation/{node}": y for node, y in taps.items()}
    out |= {"train/loss": loss.detach(), "train/dlogits": logits.grad}
    out |= gradients(net, "train/gradient")
    out |= {f"train/statistic/{name}": b for name, b in net.named_buffers()}
    return out


def nodes(case, dtype):
    """Outputs of all modules, and the loss's gradients by them, NHWC; a module may be called several times."""
    net = network(case, dtype).train()
    calls = {}

    def keep(name):
        def hook(module, inputs, y):
            y.retain_grad()
            # A copy: torchvision adds the identity to the last batch norm's output in place.
            calls.setdefault(name, []).append((y.detach().clone(), y))

        return hook

    for name, module in net.named_modules():
        if not list(module.children()) and not isinstance(module, DROPS):
            if hasattr(module, "inplace"):
                module.inplace = False
            module.register_forward_hook(keep(name))
    torch.nn.functional.cross_entropy(net(case.input(dtype)), torch.tensor(case.labels)).backward()
    out = {}
    for name, outputs in calls.items():
        for i, (value, y) in enumerate(outputs, start=1):
            node = relu_name(name, i, len(outputs)) if name.split(".")[-1] == "relu" else name
            for what, t in ("activation", value), ("gradient", y.grad):
                t = t.permute(0, 2, 3, 1).contiguous() if t.dim() == 4 else t
                out[f"nodes/{what}/{node}"] = t.flatten(1) if name == "avgpool" else t
    return out


def smooth(case, dtype):
    logits = network(case, dtype).train()(case.input(dtype))
    logits.retain_grad()
    loss = torch.nn.functional.cross_entropy(
        logits, torch.tensor(case.labels), weight=class_weights(case, dtype), label_smoothing=0.1
    )
    loss.backward()
    return {"smooth/loss": loss.detach(), "smooth/dlogits": logits.grad}


def values(case, name, dtype):
    """A number per logit, between -1 and 1."""
    return torch.from_numpy(unit(name, (len(case.labels), case.classes), SEED) * np.float32(2)).to(dtype)


def squared(case, dtype):
    net = network(case, dtype).train()
    targets = values(case, "targets", dtype)
    loss = torch.nn.functional.mse_loss(net(case.input(dtype)), targets)
    loss.backward()
    return {"squared/targets": targets, "squared/loss": loss.detach()} | gradients(net, "squared/gradient")


def seeded_backward(case, dtype):
    net = network(case, dtype).train()
    seed = values(case, "seed", dtype)
    net(case.input(dtype)).backward(seed)
    return {"seed/seed": seed} | gradients(net, "seed/gradient")


def frozen(case, dtype):
    net = network(case, dtype).train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    loss = torch.nn.functional.cross_entropy(net(case.input(dtype)), torch.tensor(case.labels))
    loss.backward()
    return {"frozen/loss": loss.detach()} | gradients(net, "frozen/gradient")


def clip(case, dtype):
    net = trained(case, dtype)
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    torch.optim.SGD(net.parameters(), lr=1.0).step()
    return {"clip/norm": norm} | parameters(net, "clip/parameter")


def optimize(case, dtype, name):
    net = network(case, dtype).train()
    optimizer = OPTIMIZERS[name](net.parameters())
    x, labels, losses = case.input(dtype), torch.tensor(case.labels), []
    for _ in range(10):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {f"{name}/loss": torch.stack(losses)} | parameters(net, f"{name}/parameter")


RECIPES = {"eval": evaluate, "train": train, "smooth": smooth, "frozen": frozen, "clip": clip, "nodes": nodes}
RECIPES |= {"squared": squared, "seed": seeded_backward}
# No parameters at full width: of the 11 million, Adam moves many by rounding alone.
RECIPES["adam-loss"] = lambda c, d: {"adam/loss": optimize(c, d, "adam")["adam/loss"]}
RECIPES |= {name: lambda c, d, name=name: optimize(c, d, name) for name in OPTIMIZERS}

# ---------------------------------------------------------------- distance from the jumps of gradients


def decisions(case, dtype, frozen_norms):
    """What decides where gradients flow: how far inputs of activations lie from the jumps of their derivatives, and of
    the max pool best minus second best."""
    net = network(case, dtype).train()
    found = []

    def from_jumps(module, inputs):
        for jump in JUMPS[type(module)]:
            found.append(inputs[0].detach().double() - jump)

    def pool_gap(module, inputs):
        x = torch.nn.functional.pad(inputs[0].detach().double(), (1, 1, 1, 1))
        best = x.unfold(2, 3, 2).unfold(3, 3, 2).flatten(-2).topk(2).values
        # Where the best is zero, the ReLU before lets no gradient through.
        gap = best[..., 0] - best[..., 1]
        found.append(torch.where(best[..., 0] == 0, torch.ones_like(gap), gap))

    for module in net.modules():
        if type(module) in JUMPS:
            module.register_forward_pre_hook(from_jumps)
        elif isinstance(module, torch.nn.MaxPool2d):
            module.register_forward_pre_hook(pool_gap)
        elif isinstance(module, torch.nn.BatchNorm2d) and frozen_norms:
            module.eval()
    with torch.no_grad():
        net(case.input(dtype))
    return found


def margin(case):
    """Smallest distance of a decision from its jump, in units of float32's error there."""
    smallest = math.inf
    for frozen_norms in [False, True] if "frozen" in case.recipes else [False]:
        truth, single = (decisions(case, d, frozen_norms) for d in (torch.float64, torch.float32))
        for z, z32 in zip(truth, single, strict=True):
            error = (z32 - z).square().mean().sqrt()
            smallest = min(smallest, (z.abs().min() / error).item())
    return smallest


def search(name, seeds):
    """Prints the image seeds with the widest margins, and what float32 makes of the rest there."""
    case = CASES[name]
    found = sorted(((margin(dataclasses.replace(case, image_seed=i)), i) for i in range(seeds)), reverse=True)
    for wide, i in found[:6]:
        tried = dataclasses.replace(case, image_seed=i)
        far = {}
        for recipe in set(case.recipes) - {"eval"}:
            far |= distances(RECIPES[recipe](tried, torch.float64), RECIPES[recipe](tried, torch.float32))
        kept = {k: d["worst"] for k, d in far.items() if "activation" not in k}
        print(f"{name} image_seed {i}: margin {wide:.1f}, float32 off by {kept}", flush=True)


# ---------------------------------------------------------------- storing


def stored(case, key, t):
    """The entries that stand for quantity `key`: the whole tensor, or samples and norm."""
    name = key.rsplit("/", 1)[-1]
    count = 64 if key.startswith("nodes/") else 256 if "/activation/" in key else 32
    if t.dtype == torch.int64:
        return {key: t}
    if t.numel() <= count or name in ("fc", "classifier.1", "classifier.3", "dlogits") and not key.startswith("nodes/") or key.startswith(case.whole):
        return {key: t.to(torch.float32).contiguous()}
    index = torch.from_numpy(sample_indices(name, t.numel(), count))
    return {
        f"{key}/samples": t.flatten()[index].to(torch.float32),
        f"{key}/norm": t.norm().to(torch.float32),
    }


def distances(truth, single):
    """Per quantity: how far the float32 run lies from the float64 run."""
    groups = {}
    for key, t in truth.items():
        if t.dtype != torch.int64:
            relative = ((single[key].double() - t).norm() / t.norm()).item()
            parts = key.split("/")
            group = key if len(parts) < 3 or parts[1] == "activation" else "/".join(parts[:-1])
            groups.setdefault(group, []).append((relative, parts[-1]))
    out = {}
    for group, found in groups.items():
        worst, name = max(found)
        out[group] = {"worst": float(f"{worst:.2e}"), "tensor": name}
        if len(found) > 1:
            out[group]["median"] = float(f"{statistics.median(r for r, _ in found):.2e}")
    return out


def relative(other, truth):
    """How far each tensor of another run lies from the float64 run."""
    return {
        key: float(f"{((other[key].double() - t).norm() / t.norm()).item():.2e}")
        for key, t in truth.items()
        if t.dtype != torch.int64
    }


def without_gradient(case):
    """Parameters whose gradient is zero but for rounding: a norm's bias that the norm behind the next layer undoes."""
    norms = {name: g.norm().item() for name, g in gradients(trained(case, torch.float64), "").items()}
    return [name[1:] for name, norm in norms.items() if norm < 1e-10 * max(norms.values())]


def make(name):
    case = CASES[name]
    zeros = without_gradient(case) if "train" in case.recipes else []
    entries = {
        "labels": torch.tensor(case.labels),
        "class_weights": class_weights(case, torch.float32),
    }
    far = {}
    half = {}
    for recipe in case.recipes:
        truth = RECIPES[recipe](case, torch.float64)
        single = RECIPES[recipe](case, torch.float32)
        if recipe != "frozen":
            truth = {k: t for k, t in truth.items() if not k.endswith(tuple(f"/{z}" for z in zeros))}
        far |= distances(truth, single)
        if recipe in ("eval", "train", "nodes"):
            with torch.autocast("cpu", torch.bfloat16):
                half |= relative(RECIPES[recipe](case, torch.bfloat16), truth)
        for key, t in truth.items():
            entries |= stored(case, key, t)
    net = network(case, torch.float32)
    known = [name for name in net.state_dict() if "num_batches" not in name]
    if isinstance(net, resnet.ResNet):
        projected = "layer3.0.downsample.0.weight"
        checked = [*known[:5], projected if projected in known else "layer3.0.conv1.weight", *known[-2:]]
    else:
        checked = [*known[:5], *known[len(known) // 2 :][:10], *known[-2:]]
    check = {
        t: hashlib.sha256(net.state_dict()[t].numpy().astype("<f4").tobytes()).hexdigest() for t in checked
    }
    check["pixels"] = hashlib.sha256(case.pixels().tobytes()).hexdigest()
    check["input"] = hashlib.sha256(normalized(case.pixels()).astype("<f4").tobytes()).hexdigest()
    metadata = {
        "model": case.model,
        "stem_channels": case.width,
        "classes": case.classes,
        "input_nhwc": [len(case.labels), case.height, case.width_px, 3],
        "seed": SEED,
        "filters": case.filters,
        "image_seed": case.image_seed,
        "command": f"{COMMAND} {name}",
        "torch": torch.__version__,
        "sha256": check,
        "zero_gradients": zeros,
        "float32_distance": far,
        "bfloat16_distance": half,
    }
    # SiLU and sigmoid have no jumps.
    if "train" in case.recipes and (distance := margin(case)) < math.inf:
        metadata["margin"] = round(distance, 1)
    path = OUT / f"{name}.safetensors"
    # One entry, because the library writes several in random order.
    save_file(entries, path, metadata={"fixture": json.dumps(metadata)})
    path.chmod(0o644)
    print(f"{path.name}: {len(entries)} entries, {path.stat().st_size:,} bytes, margin {metadata.get('margin')}")
    for group, d in far.items():
        median = f", median {d['median']:.0e}" if "median" in d else ""
        print(f"  {group:32} float32 is off by {d['worst']:.0e} ({d['tensor']}{median})")


# ---------------------------------------------------------------- names, shapes, counts


def macs(net, height, width):
    """Multiply-accumulates of convolutions and linear layers for one image."""
    total = 0

    def hook(module, inputs, y):
        nonlocal total
        total += y.numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(hook)
    net.eval()(torch.empty(1, 3, height, width, device="meta"))
    return total


def make_state_dicts():
    lines = []
    for model in MODELS:
        net = architecture(model, None, 1000)
        counts = {c: sum(p.numel() for p in architecture(model, None, c).parameters()) for c in (2, 1000)}
        facts = {
            "parameters": counts,
            "macs": {f"{h}x{w}": macs(architecture(model, None, 1000), h, w) for h, w in [(224, 224), (160, 128)]},
        }
        tensors = [f"   {json.dumps(n)}: {json.dumps(list(t.shape))}" for n, t in net.state_dict().items()]
        head = "".join(f'  "{k}": {json.dumps(v)},\n' for k, v in facts.items())
        lines.append(f' "{model}": {{\n{head}  "tensors": {{\n' + ",\n".join(tensors) + "\n  }\n }")
    path = OUT / "state-dicts.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main():
    parser = argparse.ArgumentParser(description="Writes the network fixtures; see the head of this file.")
    known = [*CASES, "state-dicts"]
    parser.add_argument("case", nargs="*", default=known, help=f"default: all of {', '.join(known)}")
    parser.add_argument("--search", type=int, metavar="N", help="try N image seeds and write nothing")
    arguments = parser.parse_args()
    wanted = arguments.case
    if unknown := [name for name in wanted if name not in known]:
        parser.error(f"unknown case {', '.join(unknown)}; known: {', '.join(known)}")
    torch.use_deterministic_algorithms(True)
    if arguments.search:
        for name in wanted:
            search(name, arguments.search)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    start = time.time()
    for name in wanted:
        make_state_dicts() if name == "state-dicts" else make(name)
    print(f"{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
