"""PyTorch's side of gpu-check: one step and a loss curve to compare with, and throughput.

    python3 gpu_torch.py step FOLDER BATCH SIZE      weights, images, and PyTorch's loss, gradients and statistics
    python3 gpu_torch.py curve FOLDER                weights, images and PyTorch's losses, for jresnet to repeat
    python3 gpu_torch.py compare FOLDER              PyTorch's losses beside jresnet's
    python3 gpu_torch.py bench FILE.csv SECONDS SIZE BATCH...

bench times each way twice: with images that lie on the GPU as normalised floats already, and with uint8 images in pinned
memory that are copied and normalised in every step, as a training has them.

Needs PyTorch with CUDA (https://pytorch.org); torchvision is not needed: the network is written out here, with
torchvision's names.
"""
import csv
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
STEPS, BATCH, SIZE, CLASSES, RATE = 60, 64, 64, 10, 0.01


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride != 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + shortcut, inplace=True)


class ResNet50(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for layer, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
            stage = []
            for block in range(blocks):
                stage.append(Bottleneck(inputs, width, 2 if block == 0 and layer > 1 else 1))
                inputs = 4 * width
            setattr(self, f"layer{layer}", nn.Sequential(*stage))
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def normalised(pixels):
    mean = torch.tensor(MEAN, device=pixels.device)
    std = torch.tensor(STD, device=pixels.device)
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def step(folder, batch, size):
    """One step in fp32 without TF32, which stands for the truth, and in the precisions that jresnet is compared in."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model = ResNet50(1000)
    # Smaller branches than a fresh network's, as after some training: gradients then are not mostly rounding.
    for name, parameter in model.named_parameters():
        if name.endswith("bn3.weight"):
            nn.init.constant_(parameter, 0.25)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    torch.save(weights, folder / "weights.pth")
    labels = torch.randint(1000, (batch,))
    tiles = torch.randint(0, 160, (batch, 7, 7, 3)).repeat_interleave(size // 7, 1).repeat_interleave(size // 7, 2)
    pixels = torch.randint(0, 96, (batch, size, size, 3))
    pixels[:, : tiles.shape[1], : tiles.shape[2]] += tiles
    pixels = pixels.to(torch.uint8)
    (folder / "pixels.bin").write_bytes(pixels.numpy().tobytes())
    (folder / "labels.txt").write_text(" ".join(str(int(l)) for l in labels))
    (folder / "shape.txt").write_text(f"{batch} {size}")
    model = model.to(DEVICE, memory_format=torch.channels_last).train()
    for precision in ("fp32", "tf32", "bf16"):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        model.load_state_dict(weights)
        model.zero_grad(set_to_none=True)
        x = normalised(pixels.to(DEVICE)).contiguous(memory_format=torch.channels_last)
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(model(x).float(), labels.to(DEVICE))
        loss.backward()
        result = {name: p.grad.float().cpu() for name, p in model.named_parameters()}
        result |= {name: b.float().cpu() for name, b in model.named_buffers() if b.is_floating_point()}
        result["loss"] = loss.detach().float().cpu().reshape(1)
        torch.save(result, folder / f"torch-{precision}.pth")
        print(f"PyTorch {torch.__version__} {precision}: loss {loss.item():.6f}", flush=True)


def curve(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    model = ResNet50(CLASSES)
    # Blocks start as the identity (Goyal et al. 2017): otherwise the gradients of a fresh network of this depth are 3 % off
    # in single precision itself, and no two implementations stay together.
    for name, parameter in model.named_parameters():
        if name.endswith("bn3.weight"):
            nn.init.zeros_(parameter)
    torch.save(model.state_dict(), folder / "weights.pth")
    labels = torch.randint(CLASSES, (STEPS, BATCH))
    # Large tiles, so that images differ after pooling, too.
    tiles = torch.randint(0, 160, (STEPS, BATCH, 4, 4, 3))
    noise = tiles.repeat_interleave(SIZE // 4, 2).repeat_interleave(SIZE // 4, 3)
    colour = torch.randint(0, 96, (CLASSES, 3))
    pixels = (noise + colour[labels][:, :, None, None, :]).to(torch.uint8)
    (folder / "pixels.bin").write_bytes(pixels.numpy().tobytes())
    (folder / "labels.txt").write_text(" ".join(str(int(l)) for l in labels.flatten()))
    (folder / "shape.txt").write_text(f"{STEPS} {BATCH} {SIZE} {CLASSES} {RATE}")
    model = model.to(DEVICE, memory_format=torch.channels_last).train()
    # Not Adam: its first steps are the signs of the gradients, which rounding flips where they are next to nothing.
    sgd = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    losses = []
    for step in range(STEPS):
        x = normalised(pixels[step].to(DEVICE)).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(model(x), labels[step].to(DEVICE))
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    (folder / "torch.txt").write_text("\n".join(f"{l:.6f}" for l in losses) + "\n")
    print(f"PyTorch {torch.__version__}: loss {losses[0]:.4f} -> {losses[-1]:.4f} in {STEPS} steps, fp32 without TF32")


def compare(folder):
    expected = [float(l) for l in (folder / "torch.txt").read_text().split()]
    failed = False
    for file in sorted(folder.glob("jresnet-*.txt")):
        found = [float(l) for l in file.read_text().split()]
        early = max(abs(a - b) / abs(b) for a, b in zip(found[:5], expected[:5]))
        late = sum(found[-10:]) / 10
        wanted = sum(expected[-10:]) / 10
        # The first steps must agree; later ones drift apart as rounding differences grow, but both must have learned as much.
        bound = 0.002 if "fp32" in file.name else 0.02
        good = len(found) == len(expected) and early <= bound and late <= 1.3 * wanted + 0.1
        failed |= not good
        print(
            f"{file.stem}: first five losses within {early:.2%} (bound {bound:.1%}), mean of the last ten "
            f"{late:.4f}, PyTorch {wanted:.4f}: {'ok' if good else 'FAILED'}"
        )
    return 1 if failed else 0


def measure(run, seconds):
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    times = []
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        for _ in range(5):
            run()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / 5)
    return sorted(times)[len(times) // 2]


COLUMNS = ("work", "precision", "batch", "how", "data", "images_per_second")
KINDS = {"bf16": torch.bfloat16, "fp16": torch.float16, "tf32": None}
WAYS = ("eager", "compiled", "compiled with CUDA graphs")


def bench(file, seconds, size, batches):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    with open(file, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for batch in batches:
            for precision, kind in KINDS.items():
                for how in WAYS if precision == "bf16" else WAYS[:1]:
                    for row in rates(precision, kind, how, (batch, size, size, 3), seconds):
                        # Written at once: the rest may be cut off.
                        writer.writerow(row)
                        out.flush()
                        print("{:5} {} batch {:4} {:26} {:14} {:>9} images/s".format(*row), flush=True)


def rates(precision, kind, how, shape, seconds):
    """Rows of one way to run; one that fails must not lose the others."""
    batch = shape[0]
    torch._dynamo.reset()
    model = ResNet50(1000).cuda().to(memory_format=torch.channels_last)
    forward = model if how == "eager" else torch.compile(model, mode="reduce-overhead" if "graphs" in how else None)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8).pin_memory()
    targets = torch.randint(1000, (batch,)).pin_memory()
    x = normalised(pixels.cuda()).contiguous(memory_format=torch.channels_last)
    labels = targets.cuda()
    adam = torch.optim.Adam(model.parameters(), fused=True)
    scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")

    def cast():
        return torch.autocast("cuda", dtype=kind or torch.bfloat16, enabled=kind is not None)

    def train(x, labels):
        with cast():
            loss = F.cross_entropy(forward(x), labels)
        adam.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(adam)
        scaler.update()

    def infer(x, labels):
        with torch.inference_mode(), cast():
            forward(x)

    def copied(run):
        image = normalised(pixels.cuda(non_blocking=True)).contiguous(memory_format=torch.channels_last)
        run(image, targets.cuda(non_blocking=True))

    for work, run in (("train", train), ("infer", infer)):
        model.train(work == "train")
        for data, once in (("on the GPU", lambda: run(x, labels)), ("copied", lambda: copied(run))):
            try:
                yield work, precision, batch, how, data, f"{batch / measure(once, seconds):.1f}"
            except Exception as e:
                print(f"{work} {precision} b{batch} {how}, {data}: failed: {type(e).__name__}: {str(e)[:200]}", flush=True)
    del model, forward, adam
    torch.cuda.empty_cache()


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "step":
        step(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    elif len(sys.argv) == 3 and sys.argv[1] == "curve":
        curve(Path(sys.argv[2]))
    elif len(sys.argv) == 3 and sys.argv[1] == "compare":
        sys.exit(compare(Path(sys.argv[2])))
    elif len(sys.argv) > 5 and sys.argv[1] == "bench":
        bench(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), [int(b) for b in sys.argv[5:]])
    else:
        sys.exit(__doc__)
