# SPDX-License-Identifier: Apache-2.0
"""Starts and ends what the live tests need: the sensor, the workload, scratch space.

Everything that is started here is ended here, by its own pid. $TARSIER (default build/tarsier)
and $WORKLOAD (default build/tests/live/workload) say what is tested.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

READY_SECONDS = 30
END_SECONDS = 60


def tarsier_path():
    return os.environ.get("TARSIER", "build/tarsier")


def workload_path():
    return os.environ.get("WORKLOAD", "build/tests/live/workload")


def lacking(*, root=True):
    """Why a live test can't run here, or None."""
    if root and os.geteuid() != 0:
        return "needs root"
    for path in (tarsier_path(), workload_path()):
        if not os.access(path, os.X_OK):
            return f"{path} is not built"
    return None


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def scratch():
    """A folder that processes of other users can enter, gone afterwards."""
    path = tempfile.mkdtemp(prefix="tarsier-live-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Failed(Exception):
    """What was needed for the test did not happen; the text says what."""


class Program:
    """A program in the background, with its messages in a file."""

    def __init__(self, args, directory, name):
        self.messages = os.path.join(directory, name + ".err")
        self.output = os.path.join(directory, name + ".out")
        self.began = boot_ns()
        with open(self.messages, "wb") as err, open(self.output, "wb") as out:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.messages, errors="replace") as f:
            return f.read()

    def end(self, sig):
        """Sends the signal, waits; the exit status (negative: the signal that ended it)."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.process.args[0]} did not end within {END_SECONDS} s of signal "
                         f"{sig}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Sensor(Program):
    """tarsier, started, and ready when the constructor returns."""

    def __init__(self, args, directory, name="tarsier"):
        super().__init__([tarsier_path(), *args], directory, name)
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise

    def wait_ready(self):
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if re.search(r"^tarsier: ready", self.said(), re.MULTILINE):
                self.ready = boot_ns()
                return
            if self.process.poll() is not None:
                raise Failed(f"tarsier ended with {self.process.returncode} before it was ready: "
                             f"{self.said()}")
            time.sleep(0.005)
        raise Failed(f"tarsier is not ready after {READY_SECONDS} s: {self.said()}")

    def stop(self):
        """Ends it as a user would, a little after the last thing to be seen."""
        time.sleep(0.3)
        return self.end(signal.SIGINT)

    def summary_lost(self):
        """How many losses the summary tells, None if it does not tell."""
        return self.summary_number(r"^\s+lost\s+(\d+)")

    def summary_processes(self):
        """How many processes there were at the end."""
        return self.summary_number(r"^\s+processes .*, (\d+) at the end")

    def summary_number(self, pattern):
        found = re.search(pattern, self.said(), re.MULTILINE)
        return int(found.group(1)) if found else None


def run_workload(directory, *args, truth="truth.json", timeout=300):
    """All of the workload, or what args say; returns the truth's path."""
    path = os.path.join(directory, truth)
    done = subprocess.run([workload_path(), "--truth", path, "--dir", directory, *args],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    if done.returncode:
        raise Failed(f"the workload ended with {done.returncode}: {done.stderr.decode()}")
    return path


def run_tarsier(*args, timeout=120):
    """A command that ends by itself."""
    return subprocess.run([tarsier_path(), *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout)
