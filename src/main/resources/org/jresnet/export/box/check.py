#!/usr/bin/env python3
"""Checks the ONNX files of this box with ONNX Runtime or OpenVINO: the golden logits, then times.

  python3 check.py                                 ONNX Runtime on the CPU
  python3 check.py --openvino [--device CPU|GPU]   OpenVINO, after its own converter made IR in --ir

Needs numpy, and onnxruntime or openvino: pip install numpy onnxruntime openvino
The exit code is 0 if all golden logits are within the tolerances of manifest.json, else 1.
"""
import argparse
import json
import os
import sys
import time


def fail(message):
    print("check.py: " + message, file=sys.stderr)
    sys.exit(2)


try:
    import numpy as np
except ImportError:
    fail("numpy is missing; pip install numpy")

HERE = os.path.dirname(os.path.abspath(__file__))


def with_onnxruntime(path):
    try:
        import onnxruntime
    except ImportError:
        fail("onnxruntime is missing; pip install onnxruntime, or use --openvino")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0]


def to_ir(path, ir, half):
    """Converts with OpenVINO's own converter; its way depends on the version."""
    target = os.path.join(ir, os.path.splitext(os.path.basename(path))[0] + ".xml")
    try:
        import openvino
        if hasattr(openvino, "convert_model"):  # 2023.1 and later
            openvino.save_model(openvino.convert_model(path), target, compress_to_fp16=half)
            return target
    except ImportError:
        pass
    try:
        from openvino.tools.mo import convert_model  # 2022.3 and 2023.0
        from openvino.runtime import serialize
    except ImportError:
        fail("openvino with its converter is missing; pip install openvino (or openvino-dev for 2022.3)")
    serialize(convert_model(path, compress_to_fp16=half), target)
    return target


def with_openvino(path, device):
    try:
        from openvino import Core  # 2023.1 and later
    except ImportError:
        from openvino.runtime import Core
    compiled = Core().compile_model(path, device)
    request = compiled.create_infer_request()
    return lambda pixels: request.infer([pixels])[compiled.output(0)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openvino", action="store_true", help="use OpenVINO")
    parser.add_argument("--device", default="CPU", help="OpenVINO's device: CPU, GPU or AUTO")
    parser.add_argument("--ir", default=os.path.join(HERE, "ir"), help="folder for OpenVINO's files")
    parser.add_argument("--seconds", type=float, default=5, help="time for each model")
    arguments = parser.parse_args()
    with open(os.path.join(HERE, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    models = [m for m in manifest["models"] if m["runner"] == "onnx"]
    if not models:
        fail("this box has no ONNX files")
    pixels = np.load(os.path.join(HERE, manifest["golden"]["pixels"]))
    good = True
    for model in models:
        path = os.path.join(HERE, model["file"])
        if arguments.openvino:
            os.makedirs(arguments.ir, exist_ok=True)
            run = with_openvino(to_ir(path, arguments.ir, model["precision"] == "fp16"), arguments.device)
        else:
            run = with_onnxruntime(path)
        expected = np.load(os.path.join(HERE, model["logits"]))
        found = np.concatenate([run(pixels[i : i + 1]) for i in range(len(pixels))])
        difference = float(np.abs(found - expected).max())
        same = int((found.argmax(1) == expected.argmax(1)).sum())
        fine = found.shape == expected.shape and difference <= model["tolerance"] and same == len(pixels)
        good = good and fine
        times = []
        end = time.perf_counter() + arguments.seconds
        while time.perf_counter() < end or len(times) < 4:
            start = time.perf_counter()
            run(pixels[:1])
            times.append(1000 * (time.perf_counter() - start))
        times = sorted(times[3:])
        print(
            "%-4s %s  %d of %d golden images in the same class, largest difference %.2g (allowed %.2g); "
            "median %.1f ms, p95 %.1f ms, %.1f images/s"
            % (
                model["precision"],
                "good" if fine else "BAD",
                same,
                len(pixels),
                difference,
                model["tolerance"],
                np.median(times),
                times[int(0.95 * len(times))],
                1000 / np.median(times),
            )
        )
    print("OK  the golden logits are met" if good else "FAILED  the golden logits are not met")
    sys.exit(0 if good else 1)


main()
