"""Runs a contender in a process of its own: output, wall time, peak memory, and an end to its time."""

import dataclasses
import hashlib
import os
import pathlib
import platform
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# PyTorch as installed gives large blocks back to the system in every step and faults them in again, which can cost half
# of its time. With these glibc keeps what is freed.
KEPT = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "1073741824",
    "MALLOC_ARENA_MAX": "1",
}


class Failed(Exception):
    """A contender gave no value; the text says why, in one line. output: all that it said, if anything."""

    def __init__(self, reason, output=""):
        super().__init__(reason)
        self.output = output


class Late(Failed):
    """A contender was stopped because its time was over."""


@dataclasses.dataclass(frozen=True)
class Output:
    text: str
    wall_s: float
    peak_mb: float


def run(command, limit_s, variables=None):
    """Runs a command in the project's root.

    limit_s: after so many seconds it is ended, with all that it started. variables: added to the environment.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=ROOT, env=dict(os.environ, **(variables or {})), start_new_session=True)
        late = threading.Event()

        def end():
            late.set()
            _kill(process.pid)

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            _kill(process.pid)  # what it left behind, and itself after Ctrl-C
        wall = time.monotonic() - begin
        out.seek(0)
        err.seek(0)
        text, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if late.is_set():
        raise Late(f"not done in {limit_s:.0f} s")
    if process.returncode != 0:
        last = ([line.strip() for line in (errors or text).splitlines() if line.strip()] or ["no message"])[-1]
        raise Failed(f"exit code {process.returncode}: {last[:300]}", text + errors)
    return Output(text, wall, usage.ru_maxrss / 1024)


def _kill(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def java():
    """The java that ./jresnet takes, too."""
    return str(pathlib.Path(os.environ["JAVA_HOME"], "bin", "java")) if os.environ.get("JAVA_HOME") else "java"


def jresnet_versions(jresnet):
    """For a context: what jresnet is, by its version and a hash of its jar, and what runs it."""
    jar = hashlib.sha256((ROOT / "target" / "jresnet.jar").read_bytes()).hexdigest()[:12]
    version = subprocess.run([java(), "-version"], stderr=subprocess.PIPE, text=True, check=True).stderr.splitlines()
    return {
        "machine": machine(),
        "jresnet": f"{jresnet} {jar}",
        "java": next(line for line in version if " version " in line),
        "java_options": os.environ.get("JRESNET_OPTS", ""),
    }


def machine():
    """The processor with the vector instructions that matter here."""
    try:
        lines = open("/proc/cpuinfo").read().splitlines()
    except OSError:
        return platform.machine()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    known = [f for f in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile") if f in flags]
    return f"{model} ({' '.join(known)})"
