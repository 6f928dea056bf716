"""Weight files for the tests of org.jresnet.weights, written by PyTorch and by safetensors.

    pip install torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
    python tools/fixtures_weights.py

Writes src/test/resources/fixtures/weights/:

    zip.pth, legacy.pth       one state dict of every element type, in both forms of torch.save
    zip-big-endian.pth        the same values as a big-endian machine writes them
    views.pth, views-legacy.pth
                              strided views, offsets, a shared storage, an expanded scalar
    nested.pth                checkpoint {epoch, state_dict: {module.*}, optimizer, lr_scheduler}
    nested-legacy.pth         checkpoint {model: ...}, legacy form, Parameters instead of tensors
    compiled.pth              module._orig_mod.* names
    protocol4.pth             zip form in pickle protocol 4
    python2.pth               legacy form with the opcodes of Python 2 (byte strings, pairs)
    types.pth, types-legacy.pth, types.safetensors
                              the types that only files have: 16 bits, unsigned, bool, float8
    imagenet.pth              what PyTorch's ImageNet example saves: a tensor beside the state dict
    averaged.pth              AveragedModel: n_averaged beside module.*
    lightning.pth             PyTorch Lightning: state_dict of model.* and of a loss function
    net.pth                   {net: module.*, acc, epoch}
    ema.pth                   torchvision's references: model and model_ema, whose values are doubled
    sparse.pth, quantised.pth, meta.pth, complex.pth, subclass.pth
                              tensors that are no plain array: to be refused
    sharded/                  two safetensors files and their index, as Hugging Face's libraries save them
    torchscript.pt            a TorchScript program: to be refused
    model.pth                 a whole pickled module: to be refused
    all.safetensors           the state dict of zip.pth, written by safetensors
    expected.tsv              file, tensor, type, shape, SHA-256 of the row-major
                              little-endian bytes, as PyTorch reads the file

and malicious/: pickles in the zip or legacy form that name what a weight file must not name.
Nothing in them is harmful: where code would run, it would create the file "jresnet-was-here".
"""

import hashlib
import io
import json
import pickle
import struct
import sys
import warnings
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import safetensors
import safetensors.torch
import torch

OUT = Path(__file__).resolve().parent.parent / "src/test/resources/fixtures/weights"
TORCH = "2.13.0"
SAFETENSORS = "0.8.0"
EPOCH = (1980, 1, 1, 0, 0, 2)


def state():
    g = torch.Generator().manual_seed(20260101)
    half = torch.randn(3, 5, generator=g)
    half.view(-1)[:6] = torch.tensor([0.0, -0.0, float("inf"), float("-inf"), 6e-8, -65504.0])
    return OrderedDict(
        [
            ("conv1.weight", torch.randn(4, 3, 3, 3, generator=g)),
            ("bn1.running_var", torch.rand(4, generator=g) + 0.5),
            ("bn1.num_batches_tracked", torch.tensor(9007199254740993)),
            ("half", half.half()),
            ("bfloat", torch.randn(7, generator=g).bfloat16()),
            ("double", torch.randn(2, 2, generator=g, dtype=torch.float64)),
            ("int32", torch.tensor([1, -2, 2147483647], dtype=torch.int32)),
            ("int8", torch.tensor([-128, 127], dtype=torch.int8)),
            ("uint8", torch.tensor([[0, 255]], dtype=torch.uint8)),
            ("empty", torch.zeros(0, 3)),
            ("名前", torch.ones(1)),
        ]
    )


def views():
    g = torch.Generator().manual_seed(7)
    base = torch.randn(6, 8, generator=g)
    conv = torch.randn(4, 3, 3, 3, generator=g).to(memory_format=torch.channels_last)
    ids = torch.arange(24).view(2, 3, 4)
    return OrderedDict(
        base=base,
        offset=base[2:4],
        transposed=base.t(),
        column=base[1:, 3],
        steps=base[::2, 1::3],
        channels_last=conv,
        permuted=ids.permute(2, 0, 1),
        half_steps=torch.arange(10.0).half()[1::2],
        byte_steps=torch.arange(10, dtype=torch.uint8)[::3],
        expanded=torch.tensor([2.5]).expand(3, 4),
        mask=torch.tensor([[True, False], [True, True]]).t(),
    )


def checkpoint(weights):
    """What a training script saves; the optimizer's tensors are not to be taken."""
    momentum = OrderedDict((k, torch.full_like(v, 3)) for k, v in weights.items())
    return {
        "epoch": 17,
        "arch": "resnet50",
        "best_acc1": 76.13,
        "seen": {1, 2},
        "state_dict": OrderedDict(("module." + k, v) for k, v in weights.items()),
        "optimizer": {"state": {0: {"momentum_buffer": momentum}}, "param_groups": [{"lr": 0.1}]},
        "lr_scheduler": {"milestones": Counter([30, 60]), "dtype": torch.float32, "size": torch.Size([2, 3])},
        "device": torch.device("cpu"),
    }


def types():
    return OrderedDict(
        int16=torch.tensor([-32768, 32767], dtype=torch.int16),
        uint16=torch.tensor([[0, 65535]], dtype=torch.uint16),
        uint32=torch.tensor([4294967295, 1, 2], dtype=torch.uint32),
        uint64=torch.tensor([18446744073709551615], dtype=torch.uint64),
        bool=torch.tensor([True, False, True]),
        e4m3=torch.tensor([1.5, -448.0, 0.0625, 0.001953125]).to(torch.float8_e4m3fn),
        e5m2=torch.tensor([[-1.75, 57344.0]]).to(torch.float8_e5m2),
        steps=torch.arange(6).to(torch.uint16)[::2],
    )


class Net(torch.nn.Module):
    """A network of one convolution, with the names of a ResNet's ends."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(2)
        self.fc = torch.nn.Linear(2, 2)


def wrapped():
    """A network in what training scripts put around it."""
    torch.manual_seed(5)
    net = Net()
    weights = net.state_dict()
    parallel = OrderedDict(("module." + k, v) for k, v in weights.items())
    sgd = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    sum(p.sum() for p in net.parameters()).backward()
    sgd.step()
    scheduler = torch.optim.lr_scheduler.StepLR(sgd, 30)
    save_zip(
        "imagenet.pth",
        {
            "epoch": 3,
            "arch": "resnet18",
            "state_dict": parallel,
            "best_acc1": torch.tensor(69.75),
            "optimizer": sgd.state_dict(),
            "scheduler": scheduler.state_dict(),
        },
    )
    averaged = torch.optim.swa_utils.AveragedModel(net)
    with torch.no_grad():
        for p in averaged.module.parameters():
            p.mul_(2)
    save_zip("averaged.pth", averaged.state_dict())
    lightning = OrderedDict(("model." + k, v) for k, v in weights.items())
    lightning["criterion.weight"] = torch.tensor([0.25, 0.75])
    save_zip(
        "lightning.pth",
        {
            "epoch": 1,
            "global_step": 20,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": lightning,
            "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {},
            "optimizer_states": [sgd.state_dict()],
            "lr_schedulers": [],
        },
    )
    save_zip("net.pth", {"net": parallel, "acc": 93.5, "epoch": 7})
    save_zip(
        "ema.pth",
        {"model": weights, "optimizer": sgd.state_dict(), "epoch": 2, "model_ema": averaged.state_dict()},
    )


class Named(torch.Tensor):
    """A subclass of torch's tensor."""


def no_plain_arrays():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_zip("sparse.pth", {"fc.weight": torch.eye(3).to_sparse()})
        save_zip("quantised.pth", {"fc.weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})
    save_zip("meta.pth", {"fc.weight": torch.empty(2, device="meta")})
    save_zip("complex.pth", {"fc.weight": torch.ones(2, dtype=torch.complex64)})
    save_zip("subclass.pth", {"fc.weight": torch.ones(2).as_subclass(Named)})


def sharded(weights):
    folder = OUT / "sharded"
    folder.mkdir(exist_ok=True)
    names = list(weights)
    parts = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for file, part in parts.items():
        safetensors.torch.save_file({n: weights[n] for n in part}, folder / file, metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": sum(t.numel() * t.element_size() for t in weights.values())},
        "weight_map": {n: file for file, part in parts.items() for n in part},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True), encoding="utf-8")


def save_zip(name, value, **options):
    """torch.save with a fixed archive name and id, so that the bytes do not depend on the path."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    (OUT / name).write_bytes(buffer.getvalue())


def save_legacy(name, value):
    """Legacy form. Storage keys are memory addresses; they become numbers of the same length."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=False)
    data = buffer.getvalue()
    stream = io.BytesIO(data)
    for _ in range(3):
        pickle.load(stream)
    keys = []

    class Finder(pickle.Unpickler):
        def persistent_load(self, pid):
            if pid[2] not in keys:
                keys.append(pid[2])
            return None

        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"):
                return OrderedDict
            return lambda *a: None

    Finder(stream).load()
    for i, key in enumerate(keys):
        data = data.replace(key.encode(), str(i).zfill(len(key)).encode())
    # The list of keys is sorted by address: sort the tail by the new keys.
    stream = io.BytesIO(data)
    for _ in range(3):
        pickle.load(stream)
    sizes = {}

    class Sizes(Finder):
        def persistent_load(self, pid):
            width = {"FloatStorage": 4, "IntStorage": 4, "LongStorage": 8, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "ShortStorage": 2}
            sizes[pid[2]] = 8 + pid[4] * width.get(pid[1].name, 1)
            return None

        def find_class(self, module, name):
            if module in ("torch", "torch.storage") and name.endswith("Storage"):
                return type(name, (), {"name": name})
            return super().find_class(module, name)

    Sizes(stream).load()
    head = stream.tell()
    listed = pickle.load(stream)
    tail = {}
    for key in listed:
        tail[key] = stream.read(sizes[key])
    assert not stream.read()
    out = data[:head] + pickle.dumps(sorted(listed), protocol=2) + b"".join(tail[k] for k in sorted(listed))
    (OUT / name).write_bytes(out)


def save_big_endian(name, source):
    """What torch.save writes on a big-endian machine: every element turned, and the word "big"."""
    widths = [v.element_size() for v in torch.load(OUT / source, weights_only=True).values()]
    with zipfile.ZipFile(OUT / source) as old, zipfile.ZipFile(OUT / name, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            key = info.filename.rsplit("/", 1)[1]
            if info.filename.endswith("/byteorder"):
                data = b"big"
            elif "/data/" in info.filename:
                w = widths[int(key)]
                data = b"".join(data[i : i + w][::-1] for i in range(0, len(data), w))
            new.writestr(zipfile.ZipInfo(info.filename, EPOCH), data)


def text2(s):
    return b"U" + bytes([len(s)]) + s.encode()


def save_python2(name):
    """Legacy form as Python 2 pickled it: byte strings, OrderedDict called with a list of pairs, _rebuild_tensor."""
    value = torch.arange(6.0)
    storage = b"(" + text2("storage") + b"ctorch\nFloatStorage\n" + text2("0") + text2("cpu") + b"K\x06NtQ"
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00K\x02K\x03\x86K\x03K\x01\x86tR"
    pair = b"](" + text2("fc.weight") + tensor + b"e"
    body = b"\x80\x02ccollections\nOrderedDict\n](" + pair + b"e\x85R."
    head = b"".join(pickle.dumps(v, protocol=2) for v in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    keys = b"\x80\x02]" + text2("0") + b"a."
    (OUT / name).write_bytes(head + body + keys + struct.pack("<q", 6) + value.numpy().tobytes())


def digest(t):
    raw = t.contiguous().reshape(-1).view(torch.uint8) if t.numel() else torch.zeros(0, dtype=torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()


NAMES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.int16: "I16",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}

REFUSED = ("model.pth", "sparse.pth", "quantised.pth", "meta.pth", "complex.pth", "subclass.pth")


def expected():
    lines = []
    for file in sorted(p.name for p in OUT.iterdir() if p.suffix in (".pth", ".safetensors")):
        if file in REFUSED:
            continue
        if file.endswith(".safetensors"):
            weights = safetensors.torch.load_file(OUT / file)
        else:
            options = {"encoding": "ascii"} if file == "python2.pth" else {}
            safe = file not in ("protocol4.pth", "python2.pth")
            weights = torch.load(OUT / file, weights_only=safe, **options)
        for wrapper in ("state_dict", "model", "net"):
            if wrapper in weights:
                weights = weights[wrapper]
        for name, t in weights.items():
            if name == "n_averaged":
                continue
            name = name.removeprefix("module.").removeprefix("_orig_mod.")
            lines.append("\t".join((file, name, NAMES[t.dtype], str(list(t.shape)), digest(t.detach()))))
    (OUT / "expected.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def archive(name, pickled):
    with zipfile.ZipFile(OUT / "malicious" / name, "w") as z:
        z.writestr(zipfile.ZipInfo("archive/data.pkl", EPOCH), pickled)
        z.writestr(zipfile.ZipInfo("archive/version", EPOCH), "3\n")


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def malicious():
    import builtins
    import os
    import runpy
    import subprocess

    touch = "touch jresnet-was-here"
    python = "open('jresnet-was-here', 'w')"
    (OUT / "malicious").mkdir(exist_ok=True)
    archive("os-system.pth", pickle.dumps({"fc.weight": Call(os.system, touch)}, protocol=2))
    archive("eval.pth", pickle.dumps({"fc.weight": Call(builtins.eval, python)}, protocol=2))
    archive("exec-protocol4.pth", pickle.dumps(Call(builtins.exec, python), protocol=4))
    nested = {"epoch": 1, "state_dict": OrderedDict(a=1), "optimizer": [{"x": (Call(subprocess.Popen, ["sh", "-c", touch]),)}]}
    archive("nested.pth", pickle.dumps(nested, protocol=3))
    archive("run-path.pth", pickle.dumps(Call(runpy.run_path, "x.py"), protocol=5))
    # torch's own loader as a way in: a storage that is itself a pickle.
    archive("load-from-bytes.pth", b"\x80\x02ctorch.storage\n_load_from_bytes\nC\x01.\x85R.")
    # The name put together on the stack, and never called.
    archive("stack-global.pth", b"\x80\x04\x8c\x02os\x8c\x06system\x93.")
    head = b"".join(pickle.dumps(v, protocol=2) for v in (0x1950A86A20F9469CFC6C, 1001, {}))
    (OUT / "malicious/legacy.pth").write_bytes(head + pickle.dumps(Call(os.system, touch), protocol=2))
    # In the legacy form, even before the weights.
    (OUT / "malicious/legacy-magic.pth").write_bytes(pickle.dumps(Call(os.system, touch), protocol=2))


def main():
    if torch.__version__.split("+")[0] != TORCH or safetensors.__version__ != SAFETENSORS:
        sys.exit(f"needs torch {TORCH}, safetensors {SAFETENSORS}; found {torch.__version__}, {safetensors.__version__}")
    OUT.mkdir(parents=True, exist_ok=True)
    weights = state()
    save_zip("zip.pth", weights)
    save_legacy("legacy.pth", weights)
    save_big_endian("zip-big-endian.pth", "zip.pth")
    save_zip("views.pth", views())
    save_legacy("views-legacy.pth", views())
    small = OrderedDict((k, v) for k, v in list(weights.items())[:3])
    save_zip("nested.pth", checkpoint(small))
    parameters = OrderedDict((k, torch.nn.Parameter(v) if v.is_floating_point() else v) for k, v in small.items())
    save_legacy("nested-legacy.pth", {"model": parameters, "epoch": 3})
    save_zip("compiled.pth", OrderedDict(("module._orig_mod." + k, v) for k, v in small.items()))
    save_zip("protocol4.pth", small, pickle_protocol=4)
    save_python2("python2.pth")
    torch.manual_seed(1)
    save_zip("model.pth", torch.nn.Linear(2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.ReLU()).save(str(OUT / "torchscript.pt"))
    save_zip("types.pth", types())
    # The legacy form of the others is one that torch.load cannot read.
    save_legacy("types-legacy.pth", OrderedDict((k, v) for k, v in types().items() if k in ("int16", "bool")))
    safetensors.torch.save_file({k: v.contiguous() for k, v in types().items()}, OUT / "types.safetensors")
    wrapped()
    no_plain_arrays()
    sharded(weights)
    safetensors.torch.save_file(weights, OUT / "all.safetensors", metadata={"名": "値 \"quoted\""})
    expected()
    malicious()


main()
