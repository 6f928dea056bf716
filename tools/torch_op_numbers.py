"""Writes src/test/resources/org/jresnet/backend/torch-ops.json: what PyTorch computes for single operations.

    pip install torch==2.13.0
    python tools/torch_op_numbers.py

Everything is computed in float64 on the CPU. Activations are written NHWC, filters OIHW.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

SEED = 20260101
OUT = pathlib.Path(__file__).parent.parent / "src/test/resources/org/jresnet/backend/torch-ops.json"

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(SEED)


def rand(*shape):
    """Normal values in steps of 1/64: exact in float32, so every precision starts from the same numbers, and short."""
    return torch.randn(shape, generator=generator).mul(64).round().div(64)


def flat(t):
    t = t.detach()
    return (t.permute(0, 2, 3, 1) if t.dim() == 4 else t).reshape(-1).tolist()


def conv(channels, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=False, output_padding=None):
    c, k = channels
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    transposed = output_padding is not None
    options |= {"output_padding": output_padding} if transposed else {}
    filters = (c, k // groups) if transposed else (k, c // groups)
    n, h, width = (1, 3, 4) if transposed else (2, 7, 5)
    x, w = rand(n, c, h, width).requires_grad_(), rand(*filters, *kernel).requires_grad_()
    b = rand(k).requires_grad_() if bias else None
    y = (F.conv_transpose2d if transposed else F.conv2d)(x, w, b, **options)
    dy = rand(*y.shape)
    y.backward(dy)
    return {
        "x": flat(x), "weight": w.detach().reshape(-1).tolist(), "dy": flat(dy), "y": flat(y),
        "dx": flat(x.grad), "dweight": w.grad.reshape(-1).tolist(),
        "shape": [n, h, width, c], "out": [n, y.shape[2], y.shape[3], k],
        "conv": {"in_channels": c, "out_channels": k, "kernel_size": kernel, "bias": bias} | options,
    } | ({"bias": flat(b), "dbias": flat(b.grad)} if bias else {})


def norm(training):
    x, residual = rand(2, 3, 3, 4).requires_grad_(), rand(2, 3, 3, 4).requires_grad_()
    gamma, beta = rand(3).requires_grad_(), rand(3).requires_grad_()
    mean, var = rand(3), rand(3).abs().add(0.5)
    case = {"running_mean": flat(mean), "running_var": flat(var), "training": training}
    y = F.relu(F.batch_norm(x, mean, var, gamma, beta, training, 0.1, 1e-5) + residual)
    dy = rand(*y.shape)
    y.backward(dy)
    return case | {
        "x": flat(x), "residual": flat(residual), "gamma": flat(gamma), "beta": flat(beta), "dy": flat(dy),
        "y": flat(y), "running_mean_after": flat(mean), "running_var_after": flat(var), "dx": flat(x.grad),
        "dresidual": flat(residual.grad), "dgamma": flat(gamma.grad), "dbeta": flat(beta.grad),
        "shape": [2, 3, 4, 3],
    }


def max_pool(x):
    x = x.requires_grad_()
    y = F.max_pool2d(x, 3, 2, 1)
    dy = rand(*y.shape)
    y.backward(dy)
    n, c, h, w = x.shape
    return {
        "x": [str(v) for v in flat(x)], "dy": flat(dy), "y": [str(v) for v in flat(y)], "dx": flat(x.grad),
        "shape": [n, h, w, c], "out": [n, y.shape[2], y.shape[3], c],
    }


def cross_entropy(smoothing, weights):
    z, labels = rand(4, 5).mul(3).requires_grad_(), torch.tensor([3, 0, 4, 3])
    weight = torch.tensor(weights) if weights else None
    loss = F.cross_entropy(z, labels, weight=weight, label_smoothing=smoothing)
    loss.backward()
    return {
        "logits": flat(z), "labels": labels.tolist(), "smoothing": smoothing, "weights": weights,
        "loss": loss.item(), "dlogits": flat(z.grad), "correct": int((z.argmax(1) == labels).sum()),
    }


def optimizer(kind, make, **options):
    p = rand(6).requires_grad_()
    case = {"kind": kind, "options": options, "parameters": flat(p), "gradients": []}
    rule = make([p], **options)
    for _ in range(10):
        p.grad = rand(6)
        case["gradients"].append(flat(p.grad))
        rule.step()
    state = rule.state[p]
    names = [s for s in ("exp_avg", "exp_avg_sq", "momentum_buffer") if s in state]
    return case | {"after": flat(p), "states": [flat(state[s]) for s in names]}


def activation(function, compute, corners):
    x = torch.cat([torch.tensor(corners), rand(40).mul(3)]).reshape(1, 1, 1, -1).requires_grad_()
    y = compute(x)
    dy = rand(*y.shape)
    y.backward(dy)
    return {
        "function": function, "x": flat(x), "dy": flat(dy), "y": flat(y), "dx": flat(x.grad),
        "shape": [1, 1, x.shape[3], 1],
    }


def other(op, arguments, compute, *inputs):
    """An op by its name and arguments; inputs that do not require a gradient get none."""
    y = compute(*inputs)
    dy = rand(*y.shape)
    y.backward(dy)
    return {
        "op": op, "arguments": arguments, "dy": flat(dy), "y": flat(y),
        "inputs": [
            {"shape": [x.shape[0], x.shape[2], x.shape[3], x.shape[1]], "x": flat(x)}
            | ({"dx": flat(x.grad)} if x.grad is not None else {})
            for x in inputs
        ],
    }


def wanted(*shape):
    return rand(*shape).requires_grad_()


def unpool(kernel, stride, padding, z):
    pooled, indices = F.max_pool2d(z, kernel, stride, padding, return_indices=True)
    return other(
        "unpool", [kernel, stride, padding],
        lambda x, z: F.max_unpool2d(x, indices, kernel, stride, padding, output_size=z.shape),
        wanted(*pooled.shape), z,
    )


def average(kernel, stride, padding, whole):
    return other(
        "average", [kernel, stride, padding, whole],
        lambda x: F.avg_pool2d(x, kernel, stride, padding, count_include_pad=whole), wanted(2, 3, 7, 6),
    )


nan = float("nan")
ties = torch.randint(-2, 3, (2, 2, 7, 6), generator=generator).double()
nans = rand(1, 1, 7, 7)
nans[0, 0, 2, 3] = nans[0, 0, 3, 3] = nans[0, 0, 6, 0] = nan
lowest = torch.full((1, 1, 4, 4), -float("inf"))

numbers = {
    "made_by": f"tools/torch_op_numbers.py, torch {torch.__version__}, seed {SEED}",
    "conv": [
        conv((3, 4), (3, 3), (2, 2), (1, 1)),
        conv((3, 4), (7, 7), (2, 2), (3, 3)),
        conv((3, 4), (1, 1), (2, 2)),
        conv((4, 6), (3, 3), (1, 1), (1, 1), groups=2),
        conv((4, 4), (3, 3), (2, 2), (1, 1), groups=4, bias=True),
        conv((3, 4), (3, 3), (1, 1), (2, 2), (2, 2), bias=True),
        conv((4, 6), (1, 3), (2, 1), (0, 2), (1, 2), groups=2, bias=True),
    ],
    "norm": [norm(True), norm(False)],
    "max_pool": [max_pool(ties), max_pool(nans), max_pool(lowest)],
    "cross_entropy": [
        cross_entropy(s, w) for s in (0.0, 0.1) for w in ([], [0.5, 2.0, 1.0, 0.25, 3.0])
    ],
    "optimizer": [
        optimizer("adam", torch.optim.Adam, lr=1e-3, weight_decay=0.0),
        optimizer("adam", torch.optim.Adam, lr=1e-2, weight_decay=0.1),
        optimizer("adamw", torch.optim.AdamW, lr=1e-2, weight_decay=0.1),
        optimizer("sgd", torch.optim.SGD, lr=1e-2, momentum=0.9, weight_decay=1e-2),
        optimizer("sgd", torch.optim.SGD, lr=1e-2, momentum=0.9, weight_decay=0.0),
    ],
}
# Last, so that what comes before keeps its numbers.
numbers["activation"] = [
    activation(function, compute, [-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 4.0, 6.0, 7.0])
    for function, compute in {
        "RELU": F.relu,
        "RELU6": F.relu6,
        "LEAKY_RELU": lambda x: F.leaky_relu(x, 0.2),
        "SIGMOID": torch.sigmoid,
        "SILU": F.silu,
        "HARD_SWISH": F.hardswish,
        "HARD_SIGMOID": F.hardsigmoid,
    }.items()
]
numbers["conv"] += [
    conv((3, 4), (2, 2), (2, 2), bias=True, output_padding=(0, 0)),
    conv((4, 6), (3, 3), (2, 2), (1, 1), groups=2, bias=True, output_padding=(1, 1)),
    conv((4, 2), (3, 2), (3, 1), (1, 0), (2, 1), groups=2, output_padding=(2, 0)),
]
numbers["others"] = [
    other("multiply", [], lambda x, s: x * s, wanted(2, 3, 4, 5), wanted(2, 3, 1, 1)),
    other("multiply", [], lambda x, s: x * s, wanted(2, 3, 4, 5), wanted(2, 3, 4, 5)),
    other("concat", [], lambda *x: torch.cat(x, 1), *(wanted(2, c, 3, 2) for c in (3, 1, 4, 2))),
    other("slice", [2, 3], lambda x: x[:, 2:5], wanted(2, 6, 3, 2)),
    other("shuffle", [2], torch.nn.ChannelShuffle(2), wanted(2, 6, 3, 2)),
    other("shuffle", [3], torch.nn.ChannelShuffle(3), wanted(1, 12, 2, 2)),
    other("upsample", [2], torch.nn.Upsample(scale_factor=2), wanted(2, 3, 3, 4)),
    other("upsample", [3], torch.nn.Upsample(scale_factor=3), wanted(1, 2, 2, 3)),
    average(3, 2, 1, True), average(3, 2, 1, False), average(2, 2, 0, True), average(3, 1, 1, False),
    unpool(2, 2, 0, ties), unpool(3, 3, 1, ties), unpool(2, 2, 0, rand(1, 3, 5, 9)),
]
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps(numbers, indent=None, separators=(",", ":"), allow_nan=False).replace('],"', '],\n"') + "\n")
print(f"{OUT}: {OUT.stat().st_size} bytes")
