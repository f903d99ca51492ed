# SPDX-License-Identifier: Apache-2.0
"""What the test programs of this folder share: the build of a static program, and VM runs."""

import dataclasses
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIVE = ROOT / "tests" / "live"
sys.path.append(str(LIVE))

from tap import Tap  # noqa: E402,F401  (the one TAP writer of the tests)

# Each VM keeps one real processor busy, and the build machines have two. More at once only make
# each of them slower, and their time limits are in their own, slowed down, seconds.
VMS_AT_ONCE = 2

RUNNING: set = set()
STOPPING = threading.Event()


class Missing(Exception):
    """Something that a test needs is not here; the text says what."""


def build_static(program: pathlib.Path, sources: list, compiler: str = "gcc") -> pathlib.Path:
    if not shutil.which(compiler):
        raise Missing(f"{compiler} is not installed")
    done = subprocess.run([compiler, "-std=gnu17", "-O2", "-static", "-pthread", "-o", program,
                           *sources], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} does not build:\n{done.stderr}")
    return program


@dataclasses.dataclass
class Vm:
    """How one VM run ended."""

    status: int
    said: str
    out: pathlib.Path
    seconds: float

    def text(self, name: str) -> str:
        """A result file; empty if the VM left none."""
        path = self.out / name
        return path.read_text(errors="replace") if path.is_file() else ""


def run_vm(kernel: str, script: pathlib.Path, out: pathlib.Path, bins: list = (), **limits) -> Vm:
    command = [HERE / "run", kernel, "--script", script, "--out", out]
    for path in bins:
        command += ["--bin", path]
    for name, value in limits.items():
        command += [f"--{name}", str(value)]
    start = time.monotonic()
    if STOPPING.is_set():
        return Vm(-signal.SIGTERM, "stopped", out, 0)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        RUNNING.add(process)
        said, _ = process.communicate()
        RUNNING.discard(process)
    return Vm(process.returncode, said.strip(), out, time.monotonic() - start)


def end_on_sigterm() -> None:
    """Ended from outside, a test program ends its VMs and leaves no files, as after Ctrl-C."""
    def stop(number, _):
        STOPPING.set()
        for process in list(RUNNING):
            process.terminate()
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, stop)


def unavailable() -> str:
    """Why no VM can run here at all, or nothing."""
    if not shutil.which("qemu-system-x86_64"):
        return "qemu-system-x86_64 is missing (package qemu-system-x86)"
    if not shutil.which("busybox"):
        return "busybox is missing (package busybox-static)"
    return ""


def scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tarsier-test-vm-")


def complaints(kernel_log: str) -> list:
    """What the kernel says about its own health: never acceptable, whoever provoked it."""
    words = ("WARNING:", "BUG:", "Oops", "general protection", "rcu_sched", "rcu: INFO",
             "blocked for more than", "possible recursive locking", "UBSAN", "unchecked MSR")
    return [line for line in kernel_log.splitlines() if any(word in line for word in words)]
