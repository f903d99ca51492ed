# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: running the program, and making recordings.

$TARSIER (default: build/tarsier) is what is tested. Where the program with sanitizers is there
($TARSIER_ASAN, default: build-asan/tarsier), `programs` has it, too: a leak or a report of a
sanitizer then ends it with SANITIZER_STATUS, which no test expects.

Everything that is started here is ended here, by its own pid.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "schema"))

from tap import Failure, Skip, run  # noqa: E402,F401 (needs the path; the tests' interface)

TARSIER = str(pathlib.Path(os.environ.get("TARSIER", SOURCE / "build" / "tarsier")).resolve())
ASAN = str(pathlib.Path(os.environ.get("TARSIER_ASAN",
                                       SOURCE / "build-asan" / "tarsier")).resolve())

SANITIZER_STATUS = 99
SANITIZERS = {
    "ASAN_OPTIONS": f"detect_leaks=1:exitcode={SANITIZER_STATUS}",
    "LSAN_OPTIONS": f"exitcode={SANITIZER_STATUS}",
    "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_STATUS}",
}
ADDR_NO_RANDOMIZE = 0x0040000

# The machine may be busy with other tests.
PATIENCE = 60


def steady_addresses():
    """The sanitizers of older compilers die now and then where addresses are too random."""
    with contextlib.suppress(OSError, ValueError):
        if int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text()) > 28:
            ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)


steady_addresses()


def programs():
    """(label, path) of the program, and of the one with sanitizers where it was built."""
    return [("", TARSIER)] + [(" (sanitizers)", ASAN)] * os.access(ASAN, os.X_OK)


def needs(*, root=False):
    if not os.access(TARSIER, os.X_OK):
        raise Skip(f"{TARSIER} is not built")
    if root and os.geteuid() != 0:
        raise Skip("needs root")


def environment(**changes):
    """The environment for the program: nothing of ours decides about colours."""
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return env | SANITIZERS | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | changes


class Result:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    @property
    def text(self):
        return self.out.decode(errors="replace")

    @property
    def message(self):
        return self.err.decode(errors="replace")

    def fail(self, why):
        raise Failure(f"{why}\n{' '.join(repr(word)[:80] for word in self.command)}\n"
                      f"exit status {self.code}\nstdout: {self.text[:600]!r}\n"
                      f"stderr: {self.message[:1500]}")

    def expect(self, code, *parts, out=None):
        """The exit status, and what the message must hold (any case); fails if not."""
        if self.code != code:
            self.fail(f"expected exit status {code}")
        if "Sanitizer" in self.message or "runtime error:" in self.message:
            self.fail("a sanitizer has found something")
        for part in parts:
            if part.lower() not in self.message.lower():
                self.fail(f"the message should have {part!r}")
        if out is not None and self.out != out:
            self.fail(f"standard output should be {out!r}")
        return self


def tarsier(*args, program=None, before=(), env=None, timeout=PATIENCE, **options):
    """Runs it to its end; `before` is a command that runs it (setpriv, unshare...)."""
    command = [*before, program or TARSIER, *args]
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    try:
        done = subprocess.run(command, env=env or environment(), timeout=timeout, **options)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{' '.join(map(repr, command))} did not end within {timeout} s: "
                      f"{late.stderr}") from None
    return Result(command, done.returncode, done.stdout or b"", done.stderr or b"")


@contextlib.contextmanager
def scratch():
    """A folder that other users may enter, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tarsier-cli-") as path:
        os.chmod(path, 0o755)
        yield path


class Running:
    """The program in the background; its messages are read as they come."""

    def __init__(self, *args, program=None, env=None, **options):
        self.command = [program or TARSIER, *args]
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        self.process = subprocess.Popen(self.command, env=env or environment(),
                                        stderr=subprocess.PIPE, **options)
        self.err = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    @property
    def message(self):
        return self.err.decode(errors="replace")

    def _read(self, patience):
        if select.select([self.process.stderr], [], [], patience)[0]:
            data = os.read(self.process.stderr.fileno(), 65536)
            self.err += data
            return bool(data)
        return True

    def wait_for(self, pattern):
        """Until its messages match; fails if it ends before."""
        until = time.monotonic() + PATIENCE
        while not re.search(pattern, self.message, re.MULTILINE):
            if not self._read(0.5) or time.monotonic() > until:
                raise Failure(f"waited in vain for {pattern!r}:\n{self.message}")

    def wait_ready(self):
        self.wait_for(r"^tarsier: ready")

    def wait_caught(self, number):
        """Until it handles the signal."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE)
            if caught and int(caught[1], 16) >> (number - 1) & 1:
                return
            time.sleep(0.001)
        raise Failure(f"it does not handle signal {number}: {self.message}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self, timeout=PATIENCE):
        """Waits for its end; the result."""
        until = time.monotonic() + timeout
        while self._read(0.2) and time.monotonic() < until:
            pass
        try:
            code = self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.command} did not end within {timeout} s:\n"
                          f"{self.message}") from None
        return Result(self.command, code, b"", self.err)

    def interrupt(self):
        self.send(signal.SIGINT)
        return self.end()


def spawn(*command):
    """Runs a program whose failure is no matter; its pid and exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    return process.pid, process.wait()


def own_scope():
    """Only what this test starts: the rest of the machine is not its business."""
    return ["--scope", f"descendants-of={os.getpid()}"]


@contextlib.contextmanager
def recording(do=lambda: None, *options):
    """A recording of what `do` does, with its path."""
    with scratch() as folder:
        path = folder + "/it.rec"
        with Running("record", "-w", path, *own_scope(), *options) as recorder:
            recorder.wait_ready()
            do()
            recorder.interrupt().expect(0)
        yield path


SUMMARY = re.compile(
    r"^tarsier: summary\n"
    r"  events    (?P<events>\d+) \(fork (?P<fork>\d+), exec (?P<exec>\d+), "
    r"exit (?P<exit>\d+)[^\n]*\)\n"
    r"  lost      (?P<lost>\d+) \(kernel ring (?P<ring>\d+), recursion (?P<recursion>\d+), "
    r"malformed (?P<malformed>\d+), output queue (?P<output>\d+), recording (?P<recording>\d+)\)\n"
    r"(?:  .*\n)*"
    r"  time      \d+\.\d+ s, agent cpu \d+\.\d+ s\n"
    r"  memory    peak \d+\.\d+ MiB\n", re.MULTILINE)


def summary(result):
    """The numbers of the summary, which must be there, with losses that add up."""
    found = SUMMARY.search(result.message)
    if not found:
        result.fail("there should be a summary")
    numbers = {name: int(value) for name, value in found.groupdict().items()}
    causes = ("ring", "recursion", "malformed", "output", "recording")
    if numbers["lost"] != sum(numbers[cause] for cause in causes):
        result.fail("the losses by cause should add up")
    return numbers
