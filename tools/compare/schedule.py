"""The order of a comparison's runs, its progress, and how long it will still take."""

import dataclasses
import statistics
import sys
import time
from typing import Callable

from .processes import Failed, Late

OVER = "the time was over before its turn; the same command goes on"


@dataclasses.dataclass(frozen=True)
class Task:
    """One run of one contender.

    row, contender, round: its place in the log. cost_s: a guess of its seconds on two quiet cores, until a run of the same
    kind has been seen. limit_s: after so many seconds it counts as failed. measure: takes its limit, gives its value and a
    note to keep with it.
    """

    row: str
    contender: str
    round: int
    cost_s: float
    limit_s: float
    measure: Callable[[float], tuple[float, str]]
    unit: str = ""

    @property
    def key(self):
        return self.row, self.contender, self.round


def measure_all(tasks, log, minutes=None, clock=time.monotonic, out=sys.stderr):
    """Runs in order what the log does not hold yet.

    minutes: no run lasts beyond that, and none starts that would be likely to. Returns, per row and contender that gave no
    value in some round, why. A contender that failed once is not run in later rounds.
    """
    reasons, begin, spent, guessed = {}, clock(), 0.0, 0.0
    left = [t for t in tasks if t.key not in log.values]
    if len(left) < len(tasks):
        print(f"{len(tasks) - len(left)} of {len(tasks)} runs were measured before and are in {log.path}", file=out)

    def estimate(task):
        pace = spent / guessed if guessed else 1
        return log.wall_s.get(task.key[:2], pace * task.cost_s)

    while left:
        task = left.pop(0)
        name = task.key[:2]
        if name in reasons and reasons[name] is not OVER:
            continue
        rest = float("inf") if minutes is None else 60 * minutes - (clock() - begin)
        if estimate(task) > rest:
            reasons[name] = OVER
            continue
        todo = min(rest, sum(map(estimate, [task, *left])))
        done = len(tasks) - len(left)
        print(f"[{done}/{len(tasks)}, about {_duration(todo)} left] {task.row}, {task.contender} ... ", end="", file=out,
              flush=True)
        start = clock()
        try:
            value, note = task.measure(min(task.limit_s, rest))
            wall = clock() - start
            log.add(task.key, value, wall, note)
            print(f"{value:.4g} {task.unit} ({wall:.0f} s)", file=out, flush=True)
        except Failed as e:
            wall = clock() - start
            reasons[name] = OVER if isinstance(e, Late) and rest < task.limit_s else str(e)
            print(reasons[name], file=out, flush=True)
        spent, guessed = spent + wall, guessed + task.cost_s
    return reasons


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def medians(tasks, log):
    """Per row, in the order of the tasks, contender to the median of its rounds."""
    found = {}
    for task in tasks:
        contenders = found.setdefault(task.row, {})
        if task.key in log.values:
            contenders.setdefault(task.contender, []).append(log.values[task.key])
    return {row: {c: statistics.median(v) for c, v in contenders.items()} for row, contenders in found.items()}


def notes(tasks, log, reasons, started=False):
    """What a reader of the table must know: which contenders lack rounds, and why. started: only those that have some."""
    asked, found = {}, {}
    for task in tasks:
        asked[task.key[:2]] = asked.get(task.key[:2], 0) + 1
        found[task.key[:2]] = found.get(task.key[:2], 0) + (task.key in log.values)
    lines = {}
    for name, rounds in asked.items():
        if started <= found[name] < rounds:
            why = f"{found[name]} of {rounds} rounds, {reasons.get(name, 'interrupted')}"
            lines.setdefault(why, []).append(" ".join(name))
    return [f"- {why}: {', '.join(names)}" for why, names in lines.items()]
