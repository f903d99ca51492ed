# SPDX-License-Identifier: Apache-2.0
"""What the test programs of this folder share: TAP, the build of a static program, VM runs."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The emulator has two processors of its own; more VMs at once only make each of them slower.
VMS_AT_ONCE = 2


class Tap:
    """Prints results as they come, and the plan at the end."""

    def __init__(self):
        self.count = self.failures = 0

    def _line(self, verdict: str, name: str, suffix: str = "") -> None:
        self.count += 1
        print(f"{verdict} {self.count} - {name.replace('#', chr(92) + '#')}{suffix}", flush=True)

    def check(self, ok: bool, name: str, *diagnostics: str) -> bool:
        self._line("ok" if ok else "not ok", name)
        if not ok:
            self.failures += 1
            for text in diagnostics:
                for line in text.splitlines():
                    print(f"# {line}", flush=True)
        return ok

    def skip(self, name: str, reason: str) -> None:
        self._line("ok", name, f" # SKIP {' '.join(reason.split())}")

    def plan(self) -> int:
        print(f"1..{self.count}", flush=True)
        return 1 if self.failures else 0


class Missing(Exception):
    """Something that a test needs is not here; the text says what."""


def build_static(program: pathlib.Path, sources: list, compiler: str = "gcc") -> pathlib.Path:
    if not shutil.which(compiler):
        raise Missing(f"{compiler} is not installed")
    subprocess.run([compiler, "-std=gnu17", "-O2", "-static", "-pthread", "-o", program, *sources],
                   check=True)
    return program


@dataclasses.dataclass
class Vm:
    """How one VM run ended."""

    status: int
    said: str
    out: pathlib.Path

    def text(self, name: str) -> str:
        """A result file, or nothing."""
        path = self.out / name
        return path.read_text(errors="replace") if path.is_file() else ""


def run_vm(kernel: str, script: pathlib.Path, out: pathlib.Path, bins: list = (), **limits) -> Vm:
    command = [HERE / "run", kernel, "--script", script, "--out", out]
    for path in bins:
        command += ["--bin", path]
    for name, value in limits.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return Vm(done.returncode, done.stdout.strip(), out)


def scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tarsier-test-vm-")


def warnings_of(kernel_log: str) -> str:
    """Complaints of the kernel about itself: never acceptable, whoever provoked them."""
    words = ("WARNING:", "BUG:", "Oops", "RIP:", "unregister_netdevice", "rcu_sched", "rcu: INFO",
             "blocked for more than", "general protection", "KASAN", "lockdep", "UBSAN")
    return "\n".join(line for line in kernel_log.splitlines() if any(word in line for word in words))
