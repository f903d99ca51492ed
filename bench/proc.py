# SPDX-License-Identifier: Apache-2.0
"""Processes for the benchmarks: starting, watching, measuring and ending them.

Promises: whatever is started through spawn() is ended by end_all(), by its own pid and only while
it has not been waited for (so a reused pid is never hit). Nothing else on the machine is touched.
"""

import ctypes
import os
import platform
import signal
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")

_started = []


def spawn(argv, **kwargs):
    """Popen in a process group of its own, so that a Ctrl-C reaches only this program, which then
    ends the others in the order it wants."""
    process = subprocess.Popen(argv, process_group=0, **kwargs)
    _started.append(process)
    return process


def end(process, grace=20.0):
    """SIGINT, then SIGKILL after `grace` seconds; returns how many seconds it took."""
    began = time.monotonic()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _started:
        _started.remove(process)
    return time.monotonic() - began


def end_all():
    for process in list(_started):
        end(process, grace=5.0)


class Lines:
    """Reads a pipe in a thread and keeps each line with the time at which it came, so that a
    waiting reader has it at once and a chatty child never blocks."""

    def __init__(self, pipe):
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe):
        for raw in pipe:
            at = time.monotonic()
            with self._changed:
                self.lines.append((at, raw.decode("utf-8", "replace").rstrip("\n")))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, prefix, timeout):
        """The time at which a line that starts with prefix came; None if none came."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for at, line in self.lines[seen:]:
                    if line.startswith(prefix):
                        return at
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._changed.wait(left)

    def finish(self):
        self._thread.join(5.0)

    def text(self):
        return "\n".join(line for _, line in self.lines)


def cpu_seconds(pid):
    """utime + stime of all threads of the process, also of those that ended."""
    with open(f"/proc/{pid}/stat", "rb") as f:
        fields = f.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    """The Vm* and Rss* lines of /proc/PID/status, in bytes."""
    figures = {}
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        for line in f:
            name, _, rest = line.partition(":")
            if name in ("VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem"):
                figures[name] = int(rest.split()[0]) * 1024
    return figures


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def bpf_program_ids(pid):
    """Ids of the BPF programs that the process holds, as programs or through links."""
    ids = set()
    try:
        fds = os.listdir(f"/proc/{pid}/fdinfo")
    except FileNotFoundError:
        return ids
    for fd in fds:
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii", errors="replace") as f:
                for line in f:
                    if line.startswith("prog_id:"):
                        ids.add(int(line.split()[1]))
        except OSError:
            continue  # closed since the listing
    return ids


def tracing_fds(pid):
    """How many BPF and perf descriptors the process holds: how far it is with attaching."""
    count = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if "bpf" in target or "perf_event" in target:
                count += 1
    except FileNotFoundError:
        pass
    return count


class BpfStats:
    """Kernel BPF statistics, on while the object is open.

    BPF_ENABLE_STATS counts its users by descriptor: the kernel itself switches the statistics off
    again, even if this program is killed, and does not touch the sysctl, which may be someone
    else's setting."""

    _SYSCALL = {"x86_64": 321, "aarch64": 280}
    _ENABLE_STATS = 32

    def __enter__(self):
        number = self._SYSCALL.get(platform.machine())
        if number is None:
            raise OSError(f"the number of bpf(2) on {platform.machine()} is not known here")
        libc = ctypes.CDLL(None, use_errno=True)
        attr = ctypes.create_string_buffer(16)  # type = BPF_STATS_RUN_TIME = 0
        self._fd = libc.syscall(number, self._ENABLE_STATS, attr, 16)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")
        os.set_inheritable(self._fd, False)
        return self

    def __exit__(self, *_):
        os.close(self._fd)


def steal_seconds():
    """Seconds, over all CPUs, that the hypervisor gave to others."""
    with open("/proc/stat", encoding="ascii") as f:
        return int(f.readline().split()[8]) / TICK


def wait_rusage(process):
    """Waits and returns (exit status, user + system seconds)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process in _started:
        _started.remove(process)
    return process.returncode, usage.ru_utime + usage.ru_stime
