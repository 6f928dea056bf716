"""Tests of what is measured again, what is not, and when a comparison ends. Needs nothing but Python."""

import array
import importlib.machinery
import importlib.util
import io
import json
import math
import pathlib
import sys
import tempfile
import time
import types
import unittest

from .log import Log
from .processes import ROOT, Failed, Late, run
from .schedule import OVER, Task, measure_all, medians, notes

CONTEXT = {"machine": "M", "version": "1"}


class Clock:
    """Time that passes only when a task takes it."""

    def __init__(self):
        self.now = 0.0
        self.measured = []

    def __call__(self):
        return self.now

    def task(self, row, contender, round_=1, takes_s=10.0, value=1.0, limit_s=100.0):
        def measure(limit):
            self.measured.append((row, contender, round_))
            self.now += min(takes_s, limit)
            if takes_s > limit:
                raise Late(f"not done in {limit:.0f} s")
            if isinstance(value, Exception):
                raise value
            return value, "a note"

        return Task(row, contender, round_, 10.0, limit_s, measure)


class ComparisonTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "values.jsonl"
        self.clock = Clock()
        self.said = io.StringIO()

    def log(self, context=CONTEXT, **options):
        log = Log(self.path, context, **options)
        self.addCleanup(log.close)
        return log

    def measure(self, tasks, log, minutes=None):
        self.clock.measured.clear()
        return measure_all(tasks, log, minutes, self.clock, self.said)

    def tasks(self):
        return [self.clock.task("r", c, n, value=v) for n, v in ((1, 2.0), (2, 6.0), (3, 3.0)) for c in "ab"]

    def test_an_interrupted_comparison_goes_on_where_it_was(self):
        def interrupt(limit):
            raise KeyboardInterrupt

        interrupted = self.tasks()
        interrupted[3] = Task("r", "b", 2, 10.0, 100.0, interrupt)
        log = self.log()
        with self.assertRaises(KeyboardInterrupt):
            self.measure(interrupted, log)
        log.close()
        with open(self.path, "a") as f:
            f.write('{"key": ["r", "b", 2], "val')  # killed in the middle of a line
        log = self.log()
        self.assertEqual({}, self.measure(self.tasks(), log))
        self.assertEqual([("r", "b", 2), ("r", "a", 3), ("r", "b", 3)], self.clock.measured)
        self.assertEqual({"r": {"a": 3.0, "b": 3.0}}, medians(self.tasks(), log))
        log.close()
        log = self.log()
        self.measure(self.tasks(), log)
        self.assertEqual([], self.clock.measured)
        self.assertEqual({("r", "a"): "a note", ("r", "b"): "a note"}, log.notes)

    def test_another_context_and_fresh_measure_anew(self):
        log = self.log()
        self.measure(self.tasks(), log)
        log.close()
        other = self.log({**CONTEXT, "version": "2"})
        self.measure(self.tasks(), other)
        self.assertEqual(6, len(self.clock.measured))
        other.close()
        anew = self.log(fresh=True)
        self.assertEqual({}, anew.values)
        self.measure(self.tasks()[:1], anew)
        anew.close()
        self.assertEqual({("r", "a", 1): 2.0}, self.log().values)

    def test_each_value_is_in_the_file_before_the_next_run(self):
        log = self.log()
        seen = []

        def measure(limit):
            seen.append([json.loads(line)["key"] for line in self.path.read_text().splitlines()])
            return 1.0, ""

        self.measure([Task("r", c, 1, 1.0, 9.0, measure) for c in "abc"], log)
        self.assertEqual([[], [["r", "a", 1]], [["r", "a", 1], ["r", "b", 1]]], seen)

    def test_two_at_once_are_refused(self):
        self.log()
        with self.assertRaisesRegex(SystemExit, "Another comparison is running"):
            Log(self.path, CONTEXT)

    def test_a_contender_that_failed_has_no_further_rounds_but_another_try_next_time(self):
        def tasks(value):
            return [self.clock.task("r", "a", n, value=value) for n in (1, 2)] + [self.clock.task("r", "b", 2)]

        log = self.log()
        reasons = self.measure(tasks(Failed("no compiler")), log)
        self.assertEqual([("r", "a", 1), ("r", "b", 2)], self.clock.measured)
        self.assertEqual(["- 0 of 2 rounds, no compiler: r a"], notes(tasks(1.0), log, reasons))
        self.assertEqual({}, self.measure(tasks(1.0), log))
        self.assertEqual([], notes(tasks(1.0), log, {}))

    def test_rounds_that_lack_are_noted(self):
        log = self.log()
        self.measure([self.clock.task("r", "a", 1)], log)
        tasks = [self.clock.task("r", c, n) for n in (1, 2) for c in "abc"]
        begun = "- 1 of 2 rounds, interrupted: r a"
        self.assertEqual([begun, "- 0 of 2 rounds, interrupted: r b, r c"], notes(tasks, log, {}))
        self.assertEqual([begun], notes(tasks, log, {}, started=True))

    def test_nothing_lasts_beyond_the_minutes(self):
        tasks = [
            self.clock.task("r", "known", takes_s=20),
            self.clock.task("r", "longer than thought", takes_s=500),
            self.clock.task("r", "no time left"),
        ]
        log = self.log()
        reasons = self.measure(tasks, log, minutes=1)
        self.assertEqual(60, self.clock.now)
        self.assertEqual({("r", "longer than thought"): OVER, ("r", "no time left"): OVER}, reasons)
        self.assertEqual(["known", "longer than thought"], [c for _, c, _ in self.clock.measured])

    def test_what_would_not_end_in_time_makes_room_for_what_does(self):
        log = self.log()
        self.measure([self.clock.task("r", "long", 1, takes_s=90)], log)
        tasks = [self.clock.task("r", "long", 2), self.clock.task("r", "short", 1)]
        self.assertEqual({("r", "long"): OVER}, self.measure(tasks, log, minutes=1))
        self.assertEqual([("r", "short", 1)], self.clock.measured)

    def test_its_own_limit_is_a_reason_of_its_own(self):
        tasks = [self.clock.task("r", "slow", n, takes_s=200, limit_s=30) for n in (1, 2)]
        self.assertEqual({("r", "slow"): "not done in 30 s"}, self.measure(tasks, self.log(), minutes=10))
        self.assertEqual(30, self.clock.now)

    def test_the_time_left_is_estimated_from_what_was_seen(self):
        tasks = [self.clock.task("r", str(n), takes_s=30) for n in range(5)]
        self.measure(tasks, self.log())
        self.assertIn("[1/5, about 50 s left] r, 0", self.said.getvalue())  # as guessed
        self.assertIn("[2/5, about 2 min left] r, 1", self.said.getvalue())  # three times as slow

    def test_processes(self):
        output = run([sys.executable, "-c", "import os; print(os.environ['A'])"], 60, {"A": "b"})
        self.assertEqual("b\n", output.text)
        self.assertGreater(output.peak_mb, 1)
        with self.assertRaisesRegex(Failed, "exit code 3: bad luck"):
            run([sys.executable, "-c", "import sys; print('bad luck', file=sys.stderr); sys.exit(3)"], 60)

    def test_a_process_that_is_late_ends_with_all_that_it_started(self):
        child = pathlib.Path(self.folder.name) / "child"
        with self.assertRaisesRegex(Late, "not done in 1 s"):
            run(["sh", "-c", f"sleep 600 & echo $! > '{child}'; sleep 600"], 1)
        stat = pathlib.Path("/proc", child.read_text().strip(), "stat")
        deadline = time.monotonic() + 10
        while stat.exists() and stat.read_text().split()[2] != "Z":
            self.assertLess(time.monotonic(), deadline, "the child of the child still runs")
            time.sleep(0.05)


def script(name):
    """A script of tools as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class PyTorchTableTest(unittest.TestCase):
    def setUp(self):
        self.script = script("compare-pytorch")

    def test_the_ratio_is_to_the_best_variant_and_beside_it_as_installed(self):
        text = self.script.table({
            "resnet50 train-fp32": {"jresnet": 12.0, "eager": 4.0, "compiled": 6.0, "eager-kept": 10.0, "compiled-kept": 8.0},
            "resnet50 latency-bf16": {"jresnet": 10.0, "eager": 40.0, "compiled-kept": 20.0},
            "resnet34 train-fp32": {"eager": 4.0},
            "resnet50 memory-fp32": {"jresnet": 3000.0, "eager": 4000.0},
        })
        cells = [[cell.strip() for cell in line.split("|")[3:-1]] for line in text.splitlines()[2:]]
        self.assertEqual(["12 images/s", "4 images/s", "6 images/s", "10 images/s", "8 images/s", "1.20", "2.00", "≥ 1.35"],
                         cells[0])
        self.assertEqual(["10 ms", "40 ms", "–", "–", "20 ms", "0.50 *", "0.25 *", "≤ 0.7"], cells[1])
        self.assertEqual(["–", "4 images/s", "–", "–", "–", "–", "–", "≥ 1.2"], cells[2])
        self.assertEqual(["3000 MB", "4000 MB", "–", "–", "–", "0.75", "0.75", "≤ 0.89"], cells[3])

    def options(self, **changes):
        options = {"rounds": 2, "rows": None, "model": None, "modes": self.script.MODES, "limit": 9, "quick": False,
                   "threads": 1, **changes}
        return types.SimpleNamespace(**options)

    def plan(self, **changes):
        options = self.options(**changes)
        return self.script.plan(options, self.script.Contenders(options, None))

    def test_contenders_alternate_within_a_row(self):
        tasks = self.plan(rows=["train-fp32", "memory-fp32"])
        self.assertEqual(["jresnet", *self.script.MODES] * 2 + ["jresnet", "eager"] * 2, [t.contender for t in tasks])
        self.assertEqual([1] * 5 + [2] * 5 + [1, 1, 2, 2], [t.round for t in tasks])
        self.assertEqual(len(tasks), len({t.key for t in tasks}))

    def test_quick_compiles_last_and_training_after_inference(self):
        tasks = self.plan(rows=["train-fp32", "infer-fp32"], rounds=1, quick=True)
        plain = [(k, c) for k in ("train-fp32", "infer-fp32") for c in ("jresnet", "eager", "eager-kept")]
        compiled = [(k, c) for c in ("compiled-kept", "compiled") for k in ("infer-fp32", "train-fp32")]
        self.assertEqual(plain + compiled, [(t.row.split()[1], t.contender) for t in tasks])

    def test_rows_of_networks(self):
        self.assertEqual(set(self.script.ROWS), {t.row.split()[1] for t in self.plan()})
        self.assertIn("resnet18 resnet18-train-fp32", {t.row for t in self.plan()})
        rows = {t.row for t in self.plan(model=["regnet_y_400mf"])}
        keys = ("train-fp32", "train-bf16", "infer-fp32", "infer-bf16", "latency-bf16")
        self.assertEqual({f"regnet_y_400mf {key}" for key in keys}, rows)


class JavaTableTest(unittest.TestCase):
    def setUp(self):
        self.script = script("compare-java")

    def test_a_cell_without_a_value_has_its_reason(self):
        found = {"train-16": {"jresnet": 9.0, "djl": 4.0, "djl-kept": 6.0}, "infer-1": {"jresnet": 30.0}}
        reasons = {("train-16", "onnxruntime"): "cannot | train", ("infer-1", "djl"): "crashes"}
        rows = [[c.strip() for c in line.split("|")[1:-1]] for line in self.script.table(found, reasons).splitlines()[2:]]
        self.assertEqual(
            ["training, batch 16", "9 images/s", "4 images/s", "6 images/s", "–", "cannot / train", "1.50"], rows[0])
        self.assertEqual(["inference, one image", "30 images/s", "crashes", "–", "–", "–", "–"], rows[1])

    def test_logits_are_compared_as_far_as_the_batch_goes(self):
        expected = array.array("f", [3, 4, 5, 6]).tobytes()
        self.assertEqual(0, self.script.distance(expected[:8], expected))
        self.assertAlmostEqual(0.2, self.script.distance(array.array("f", [3, 5]).tobytes(), expected))
        self.assertFalse(self.script.distance(array.array("f", [3, math.nan]).tobytes(), expected) <= 1)

    def test_a_jvm_that_died_says_where(self):
        report = "#\n#  SIGFPE (0x8)\n# C  [libtorch_cpu.so+0x1]  dnnl::blocking()+0xa\n"
        self.assertEqual("crashes in [libtorch_cpu.so+0x1]  dnnl::blocking()+0xa", self.script.crash(Failed("x", report)))
        thrown = 'Exception in thread "main" java.lang.Error: no\n\tat A.b(A.java:1)\n'
        self.assertEqual("java.lang.Error: no", self.script.crash(Failed("x", thrown)))
        self.assertEqual("not done in 3 s", self.script.crash(Late("not done in 3 s")))


def run_all():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
