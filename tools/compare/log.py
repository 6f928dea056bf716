"""A file to which each measured value goes at once, so that an interrupted comparison goes on where it was."""

import fcntl
import json
import pathlib
import sys
import time


class Log:
    """Values of one context (machine, versions, options) in a file of JSON lines that may hold others' as well.

    Each line is one run of one contender. Nothing is ever changed or deleted: `fresh` adds a line that says that the values
    of its context before it do not count.
    """

    def __init__(self, path, context, fresh=False):
        self.path, self.context = pathlib.Path(path), context
        self._forget()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another comparison is running and writes {self.path}; two at once would measure each other."
                     " Wait for it, or end it.")
        self._read()
        if fresh and self.values:
            self._append({"fresh": True})
            self._forget()

    def _forget(self):
        self.values, self.wall_s, self.notes = {}, {}, {}

    def _read(self):
        self._file.seek(0)
        text = self._file.read()
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the run that wrote it was killed in the middle of the line
            if not isinstance(entry, dict) or entry.get("context") != self.context:
                continue
            if entry.get("fresh"):
                self._forget()
                continue
            self._take(tuple(entry["key"]), entry["value"], entry["wall_s"], entry["note"])
        if text and not text.endswith("\n"):
            self._file.write("\n")

    def _take(self, key, value, wall_s, note):
        self.values[key] = value
        self.wall_s[key[:-1]] = wall_s
        self.notes[key[:-1]] = note

    def add(self, key, value, wall_s, note=""):
        """Keeps a value.

        key: the row, the contender and the round. wall_s: what the run took, for estimates. note: what the contender said
        of itself.
        """
        self._append({"key": list(key), "value": value, "wall_s": round(wall_s, 1), "note": note})
        self._take(tuple(key), value, wall_s, note)

    def _append(self, entry):
        entry = {**entry, "time": time.strftime("%Y-%m-%dT%H:%M:%S"), "context": self.context}
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def close(self):
        self._file.close()
