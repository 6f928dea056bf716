#!/usr/bin/env python3
"""Reads event files of `jresnet train --tensorboard DIR` with TensorBoard's own reader.

    python3 -m venv venv && venv/bin/pip install tensorboard    # checked with 2.21
    ./jresnet train faces/ --out runs/r1 --tensorboard board/
    venv/bin/python tools/check_tensorboard.py board/ runs/r1

Every record must be read, with its checksum; every epoch of metrics.csv must be there with the same
numbers, histograms must hold as many values as they count, and images must be PNG files. Exit code 1
and a line for what is wrong.
"""

import csv
import pathlib
import sys

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

COLUMNS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def main(folder, run):
    files = sorted(folder.glob("*tfevents*"))
    if not files:
        sys.exit(f"{folder} has no event file")
    records = sum(1 for file in files for _ in EventFileLoader(str(file)).Load())
    board = event_accumulator.EventAccumulator(
        str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    board.Reload()
    tags = board.Tags()
    problems = []
    with open(run / "metrics.csv", newline="") as table:
        epochs = list(csv.DictReader(table))
    for column in COLUMNS:
        seen = [e.value for e in board.Scalars(f"epoch/{column}")]
        wanted = [float(row[column]) for row in epochs]
        if len(seen) != len(wanted) or any(abs(a - b) > 1e-5 for a, b in zip(seen, wanted)):
            problems.append(f"epoch/{column} is {seen}, metrics.csv has {wanted}")
    for tag in tags["histograms"]:
        for event in board.Histograms(tag):
            h = event.histogram_value
            if abs(sum(h.bucket) - h.num) > 0.5 or not h.min <= h.sum / h.num <= h.max:
                problems.append(f"{tag} counts {sum(h.bucket)} of {h.num} values")
    for tag in tags["images"]:
        for image in board.Images(tag):
            if not image.encoded_image_string.startswith(b"\x89PNG"):
                problems.append(f"{tag} is no PNG file")
    for kind in ("scalars", "histograms", "images"):
        if not tags[kind]:
            problems.append(f"there are no {kind}")
    print(f"{len(files)} files, {records} records: {len(tags['scalars'])} scalars, "
          f"{len(tags['histograms'])} histograms, {len(tags['images'])} images, "
          f"{len(epochs)} epochs")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
