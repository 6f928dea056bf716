#!/usr/bin/env python3
"""Checks an ONNX file that jresnet wrote: ONNX's own rules, and that ONNX Runtime computes finite logits from it.

    pip install onnx onnxruntime numpy
    python tools/check_onnx.py detector.onnx [more.onnx ...]

Prints what is in the file. The parity entry of the metadata says how far the file's logits are from the model's.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime


def check(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {p.key: p.value for p in model.metadata_props}
    kinds = sorted({node.op_type for node in model.graph.node})
    print(f"{path}: opset {model.opset_import[0].version}, {len(model.graph.node)} nodes: {', '.join(kinds)}")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [image] = session.get_inputs()
    shape = [2 if isinstance(extent, str) else extent for extent in image.shape]
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, shape).astype(np.uint8)
    values = pixels if image.type == "tensor(uint8)" else (pixels / 255 - 0.45).astype(np.float32) / 0.225
    outputs = session.run(None, {image.name: values.astype(np.uint8 if image.type == "tensor(uint8)" else np.float32)})
    for output, found in zip(session.get_outputs(), outputs):
        assert np.isfinite(found).all(), f"{path}: {output.name} is not finite"
        assert found.shape == (shape[0], len(json.loads(metadata["jresnet.classes"]))), found.shape
        if output.name == "probabilities":
            assert np.allclose(found.sum(1), 1, atol=1e-5)
    parity = json.loads(metadata["jresnet.parity"])
    print(f"  {image.name} {image.type} {image.shape} -> {', '.join(o.name for o in session.get_outputs())}")
    print(f"  parity on {parity['images']}: {parity['largestDifference']:.2g}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for file in sys.argv[1:]:
        check(file)
