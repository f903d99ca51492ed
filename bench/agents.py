# SPDX-License-Identifier: Apache-2.0
"""The agents that are compared: none, Tarsier, and the peers that are found installed.

Each agent is started, waited for until its hooks are in, watched by its pid, and stopped by it.
start() returns a Running; absent() tells why an agent cannot be used here, or None.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import proc
from workload import compare, count_json, count_text

PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"

# libbpf-tools and bpftrace attach to classic tracepoints, which need tracefs. Where it is not
# mounted it is, for the agent alone, in a mount namespace that ends with it.
WITH_TRACEFS = """
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
[ -e /sys/kernel/debug/tracing ] || mount -t debugfs debugfs /sys/kernel/debug
exec "$@"
"""


def which(name):
    return shutil.which(name, path=PATH)


class AgentError(Exception):
    pass


class Running:
    """A started agent. Its output is in self.output, its messages in self.err."""

    def __init__(self, agent, argv, output, stdout=subprocess.DEVNULL):
        self.agent = agent
        self.output = output
        self.began = time.monotonic()
        self.process = proc.spawn(
            argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
        )
        self.pid = self.process.pid
        self.err = proc.Lines(self.process.stderr)
        self.ready_after = None

    def fail(self, what):
        status = self.process.poll()
        how = "still running" if status is None else f"ended with {status}"
        said = self.err.text().strip().splitlines()[-3:]
        proc.end(self.process)
        raise AgentError(f"{self.agent.label}: {what} ({how}): " + " / ".join(said))

    def cpu(self):
        return proc.cpu_seconds(self.pid)

    def stop(self):
        if self.process.poll() is not None:
            self.fail("it ended before it was asked to")
        seconds = proc.end(self.process)
        self.err.finish()
        if self.process.returncode == -signal.SIGKILL:
            raise AgentError(f"{self.agent.label}: had to be killed")
        return seconds

    def discard(self):
        if self.output and os.path.exists(self.output):
            os.unlink(self.output)


class Agent:
    name = ""
    label = ""
    reports = "execs"  # what losses() can count

    def absent(self):
        return None

    def start(self, scratch):
        raise NotImplementedError

    def losses(self, running, workload, expected):
        """After stop(): what is missing of what the storms did."""
        seen = count_text(running.output, workload)
        want = expected.execs
        return {"expected": want, "missing": max(0, want - seen), "surplus": max(0, seen - want)}


class NoAgent(Agent):
    def __init__(self, name, label):
        self.name = name
        self.label = label

    def start(self, scratch):
        return None


class Tarsier(Agent):
    name = "tarsier"
    label = "tarsier (JSON to a file)"
    reports = "forks, execs and exits"

    def __init__(self, path, options):
        self.path = path
        self.options = options

    def absent(self):
        if not os.access(self.path, os.X_OK):
            return f"{os.path.relpath(self.path)} is not there: make build"
        return None

    def start(self, scratch):
        output = os.path.join(scratch, "tarsier.json")
        running = Running(
            self, [self.path, "run", "-o", f"json:{output}", *self.options], output
        )
        at = running.err.wait_for("tarsier: ready", 30.0)
        if at is None:
            running.fail("no `tarsier: ready` line")
        running.ready_after = at - running.began
        return running

    def losses(self, running, workload, expected):
        counted = count_json(running.output, workload)
        missing, surplus = compare(counted, expected)
        summary = parse_summary(running.err.text())
        return {
            "expected": expected.total(),
            "missing": missing,
            "surplus": surplus,
            "malformed_lines": counted["malformed"],
            "lost_records": counted["lost_records"],
            "summary": summary,
            "counted": counted,
        }


def parse_summary(text):
    """The figures of Tarsier's summary; a figure that is not there is None, not zero."""

    def find(pattern):
        match = re.search(pattern, text, re.MULTILINE)
        return match.group(1) if match else None

    events, lost = find(r"^\s*events\s+(\d+)"), find(r"^\s*lost\s+(\d+)")
    causes = find(r"^\s*lost\s+\d+ \(([^)]*)\)")
    return {
        "events": None if events is None else int(events),
        "lost": None if lost is None else int(lost),
        "lost_by_cause": causes,
    }


class BpfPeer(Agent):
    """A peer that says nothing when its hooks are in: it is ready when it holds BPF or perf
    descriptors and their number has not changed for a while. losses() proves it afterwards."""

    command = []
    needs_tracefs = True

    def start(self, scratch):
        output = os.path.join(scratch, self.name + ".out")
        argv = list(self.command)
        if self.needs_tracefs:
            argv = ["unshare", "--mount", "--", "sh", "-ec", WITH_TRACEFS, "sh", *argv]
        with open(output, "wb") as f:
            running = Running(self, argv, output, stdout=f)
        deadline = time.monotonic() + 30.0
        last, since = 0, time.monotonic()
        while time.monotonic() < deadline:
            if running.process.poll() is not None:
                running.err.finish()
                running.fail("it did not start")
            count = proc.tracing_fds(running.pid)
            if count != last:
                last, since = count, time.monotonic()
            elif last and time.monotonic() - since > 0.5:
                return running
            time.sleep(0.02)
        running.fail("its hooks were not in after 30 s")

    def losses(self, running, workload, expected):
        found = super().losses(running, workload, expected)
        # libbpf-tools announce what the perf buffer dropped; here for the record.
        said = re.findall(r"[Ll]ost (\d+) events", running.err.text())
        found["announced"] = sum(map(int, said))
        if found["missing"] == found["expected"]:
            raise AgentError(f"{self.label}: it saw none of the programs; its times are void")
        return found


class Execsnoop(BpfPeer):
    name = "execsnoop"
    label = "execsnoop (bcc, libbpf-tools)"

    def __init__(self):
        self.command = [which("execsnoop") or "execsnoop"]

    def absent(self):
        if not which("execsnoop"):
            return "execsnoop not installed: apt-get install libbpf-tools"
        return None


class Bpftrace(BpfPeer):
    name = "bpftrace"
    label = "execsnoop.bt (bpftrace)"

    def __init__(self):
        self.script = which("execsnoop.bt")
        self.command = [which("bpftrace") or "bpftrace", self.script or ""]

    def absent(self):
        if not which("bpftrace") or not self.script:
            return "bpftrace's execsnoop.bt not installed: apt-get install bpftrace"
        return None


class Quark(BpfPeer):
    name = "quark"
    label = "quark-mon (eBPF, JSON)"
    needs_tracefs = False

    def __init__(self):
        self.command = [which("quark-mon") or "quark-mon", "-b", "-E"]

    def absent(self):
        if not which("quark-mon"):
            return "quark-mon not on PATH: build it from github.com/elastic/quark"
        return None


class Auditd(Agent):
    """Compared only when asked for by name: once auditing was on, the kernel gives every new task
    an audit context until the next boot, and a benchmark must not change a machine unasked."""

    asked_for = False
    name = "auditd"
    label = "auditd (execve rule)"
    rule = ["exit,always", "-F", "arch=b64", "-S", "execve", "-S", "execveat", "-k", "tsr-bench"]

    def absent(self):
        if not which("auditd") or not which("auditctl"):
            return "auditd not installed: apt-get install auditd"
        if not self.asked_for:
            return "auditd only by name (--agents): it leaves traces in the kernel until a reboot"
        status = self._status()
        if status is None:
            return "auditd: the kernel's audit cannot be asked (auditctl -s)"
        if status.get("pid", "0") != "0":
            return f"auditd: one is running already (pid {status['pid']}), which is left alone"
        return None

    @staticmethod
    def _status():
        found = subprocess.run([which("auditctl"), "-s"], capture_output=True, text=True)
        if found.returncode:
            return None
        return dict(line.split(None, 1) for line in found.stdout.splitlines() if " " in line)

    def start(self, scratch):
        config = os.path.join(scratch, "audit")
        os.makedirs(config, mode=0o700, exist_ok=True)
        output = os.path.join(config, "audit.log")
        with open(os.path.join(config, "auditd.conf"), "w", encoding="ascii") as f:
            f.write(
                f"log_file = {output}\nlog_format = RAW\nflush = INCREMENTAL_ASYNC\nfreq = 50\n"
                "max_log_file_action = IGNORE\nspace_left = 75\nspace_left_action = IGNORE\n"
                "admin_space_left = 50\n"
                "admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\n"
                "disk_error_action = IGNORE\nlocal_events = yes\nwrite_logs = yes\n"
            )
        os.chmod(os.path.join(config, "auditd.conf"), 0o600)
        self._was = self._status()
        running = Running(self, [which("auditd"), "-n", "-c", config], output)
        deadline = time.monotonic() + 10.0
        while (self._status() or {}).get("pid") != str(running.pid):
            if running.process.poll() is not None or time.monotonic() > deadline:
                running.fail("it did not take the kernel's audit")
            time.sleep(0.05)
        subprocess.run([which("auditctl"), "-b", "8192"], capture_output=True)
        added = subprocess.run(
            [which("auditctl"), "-a", *self.rule], capture_output=True, text=True
        )
        if added.returncode:
            running.fail(f"the rule was refused: {added.stderr.strip()}")
        plain_stop = running.stop

        def stop():
            self.cleanup()
            # auditd ends at SIGTERM; SIGINT is not its signal.
            running.process.terminate()
            try:
                running.process.wait(20.0)
            except subprocess.TimeoutExpired:
                return plain_stop()
            return proc.end(running.process)

        running.stop = stop
        return running

    def cleanup(self):
        """Takes back what start() changed in the kernel's audit; harmless if it changed nothing."""
        was = getattr(self, "_was", None)
        if was is None:
            return
        subprocess.run([which("auditctl"), "-d", *self.rule], capture_output=True)
        subprocess.run(
            [which("auditctl"), "-b", was.get("backlog_limit", "64")], capture_output=True
        )
        subprocess.run([which("auditctl"), "-e", was.get("enabled", "0")], capture_output=True)
        self._was = None

    def losses(self, running, workload, expected):
        # One SYSCALL record per exec; PATH and PROCTITLE records name the program again.
        needle = b'/' + workload.token + b'/'
        with open(running.output, "rb") as f:
            seen = sum(1 for line in f if line.startswith(b"type=SYSCALL") and needle in line)
        want = expected.execs
        return {"expected": want, "missing": max(0, want - seen), "surplus": max(0, seen - want)}


def peers():
    return [Execsnoop(), Quark(), Auditd(), Bpftrace()]
