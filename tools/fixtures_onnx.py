#!/usr/bin/env python3
"""ONNX files as torch's two exporters write torchvision's networks.

    pip install torch==2.13.0 torchvision==0.28.0 onnx onnxscript
    python tools/fixtures_onnx.py

Made with torch 2.13.0 (CPU), torchvision 0.28.0, onnx 1.23.1. Writes src/test/resources/fixtures/onnx/*.onnx: narrow
networks with the weights of fixtures_network.py. `script` is the older exporter (TorchScript), `dynamo` the newer
one, which by default puts the weights into a second file, `.onnx.data`; its stack traces are left out.
"""

import collections
import warnings

import onnx
import torch
from fixtures_network import OUT, network

Case = collections.namedtuple("Case", "model width classes filters")

CASES = [
    Case("resnet18", 4, 3, "fan_out"),
    Case("resnet50", 2, 3, "fan_out"),
    Case("shufflenet_v2_x1_0", 4, 3, "fan_in"),
]
SIZE = 64


def export(net, path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = torch.zeros(1, 3, SIZE, SIZE)
        torch.onnx.export(net, (image,), path, verbose=False, **options)
    # The newer exporter writes stack traces, with paths of this machine.
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    for value in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    path.write_bytes(model.SerializeToString())
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main():
    folder = OUT.parent / "onnx"
    folder.mkdir(exist_ok=True)
    for case in CASES:
        net = network(case, torch.float32).eval()
        export(net, folder / f"{case.model}.script.onnx", dynamo=False)
        if case == CASES[0]:
            export(net, folder / f"{case.model}.opset11.onnx", dynamo=False, opset_version=11)
            export(net, folder / f"{case.model}.dynamo.onnx", dynamo=True)
        else:
            export(net, folder / f"{case.model}.dynamo.onnx", dynamo=True, external_data=False)


if __name__ == "__main__":
    main()
