"""Imports torchvision also where its compiled operators do not load (a CPU torch with a CUDA torchvision)."""

import sys

import torch


def import_torchvision():
    """The torchvision module; classification models and transforms need none of its own operators."""
    try:
        import torchvision
    except RuntimeError as e:
        if "operator torchvision::" not in str(e):
            raise
        # The import registers shape functions for these two, which the dispatcher must know for that.
        for op in ("nms", "qnms"):
            torch.library.define(f"torchvision::{op}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
        for name in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torchvision
    return torchvision
