# SPDX-License-Identifier: Apache-2.0
"""Reads the truth file of the workload: the processes that were, one after the other.

A pid may be used several times; the lines of one pid are in order (the workload writes an exit
down before the pid is free again), so a fork begins a process and an exit ends it.
"""

import base64
import json
from dataclasses import dataclass, field


def as_bytes(value):
    """The exact bytes of a text of the truth file."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode()


def asked_for(tried, line):
    """Whether an image has the arguments that were asked for: a check of the truth by itself."""
    if "argv" not in tried:
        return True
    if "script" in tried:
        # The kernel puts interpreters and their arguments in the place of argv[0].
        rest = len(tried["argv"]) - 1
        return rest == 0 or line["argv"][-rest:] == tried["argv"][1:]
    return line["argv"] == (tried["argv"] or [""]) or line["argv"] == tried["argv"]


@dataclass
class Exec:
    """One image: what the caller of exec asked for (tried), and what the new image saw (line)."""

    line: dict
    tried: dict | None

    @property
    def image(self):
        return self.line["image"]

    @property
    def argv(self):
        return [as_bytes(a) for a in self.line["argv"]]


@dataclass
class Process:
    pid: int
    scenario: str
    fork: dict | None = None
    execs: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    renames: list = field(default_factory=list)
    exit: dict | None = None
    # The last it said of itself, if it knew that it was the last.
    leaving: dict | None = None
    # Execs asked for that neither failed nor became an image yet; several threads may try at once.
    tries: list = field(default_factory=list)
    # When it was seen to be gone, if nobody waited for it.
    gone: dict | None = None
    # When it became a subreaper.
    subreaper: dict | None = None
    # Those of threads that lost the race against another thread's exec, which killed them.
    beaten: list = field(default_factory=list)
    # Who made the call that created it; not its parent if it was CLONE_PARENT.
    creator: "Process | None" = None

    @property
    def start_ticks(self):
        for line in (self.fork, *(e.line for e in self.execs), self.exit):
            if line and "start_ticks" in line:
                return line["start_ticks"]
        return None

    @property
    def top(self):
        """The pid at which its lineage ends: init's, or that of the kernel's own threads."""
        for line in (self.fork, *(e.line for e in self.execs)):
            if line and line.get("chain"):
                return line["chain"][-1][0]
        return 1

    @property
    def how(self):
        return self.fork["how"] if self.fork else "before the truth"

    def __str__(self):
        return f"process {self.pid} ({self.scenario}, {self.how})"


@dataclass
class Truth:
    processes: list = field(default_factory=list)
    # scenario -> list of (part or None, reason)
    skips: dict = field(default_factory=dict)
    # scenario -> list of reasons why its truth is worth nothing
    broken: dict = field(default_factory=dict)
    scenarios: list = field(default_factory=list)
    threads: list = field(default_factory=list)
    main: Process | None = None
    directory: str = ""
    wall_minus_boot: int = 0
    # Before this (wall clock, ns) what the sensor knows of parents is as of its snapshot.
    known_from: int = 0
    # All that were measured: the wall clock may be set or slewed meanwhile.
    offsets: list = field(default_factory=list)
    tick_ns: int = 10_000_000
    # The pid of who adopts the main process's orphans, if any.
    reaper: int = 0
    # From when on nothing happens but what shows who stands where (boot clock, ns).
    calm: int = 0

    def start_of(self, ticks):
        """Wall-clock time, in ns, of a start time in ticks since boot (rounded down)."""
        return self.wall_minus_boot + ticks * self.tick_ns


def read_lines(path):
    with open(path, "rb") as f:
        for number, raw in enumerate(f, 1):
            try:
                yield json.loads(raw)
            except ValueError as e:
                raise ValueError(f"{path}:{number}: {e}") from None


class _Reader:
    def __init__(self):
        self.truth = Truth()
        self.alive = {}
        self.latest = {}

    def problem(self, scenario, text):
        self.truth.broken.setdefault(scenario, []).append(text)

    def open_process(self, line):
        process = self.alive.get(line["pid"])
        if not process:
            self.problem(line["scenario"],
                         f"{line['kind']} of pid {line['pid']}, which is not alive")
            process = self.begin(line)
        return process

    def begin(self, line):
        process = Process(line["pid"], line["scenario"])
        self.alive[line["pid"]] = process
        self.latest[line["pid"]] = process
        self.truth.processes.append(process)
        return process

    def take(self, line):
        handler = getattr(self, "on_" + line["kind"], None)
        if not handler:
            raise ValueError(f"unknown kind of truth: {line['kind']}")
        handler(line)

    def on_phase(self, line):
        t = self.truth
        t.wall_minus_boot = line["wall_minus_boot"]
        t.offsets.append(t.wall_minus_boot)
        t.tick_ns = 1_000_000_000 // line["ticks_per_second"]
        t.directory = line["dir"]
        if line["phase"] == "start" and line["scenario"] == "main":
            t.main = self.begin(line)
        elif line["phase"] == "start":
            t.scenarios.append(line["scenario"])

    def on_fork(self, line):
        if line["pid"] in self.alive:
            self.problem(line["scenario"], f"pid {line['pid']} is forked while it is alive")
        # The creator may have ended before its child could say a word.
        creator = self.latest.get(line.get("creator"))
        process = self.begin(line)
        process.fork = line
        process.creator = creator

    def on_try(self, line):
        self.open_process(line).tries.append(line)

    def on_exec(self, line):
        process = self.open_process(line)
        if process.how == "usermode_helper":
            line["from_kernel"] = True
        tried = next((t for t in reversed(process.tries) if asked_for(t, line)), None)
        if process.tries and not tried:
            self.problem(line["scenario"], f"{process} runs what nobody asked for: {line}")
        process.execs.append(Exec(line, tried))
        process.beaten += [t for t in process.tries if t is not tried]
        process.tries = []

    def on_exec_failed(self, line):
        process = self.open_process(line)
        process.failed.append(line)
        process.tries = [t for t in process.tries if t["tid"] != line["tid"]]

    def on_rename(self, line):
        self.open_process(line).renames.append(line)

    def on_thread(self, line):
        self.truth.threads.append(line)

    def on_leaving(self, line):
        self.open_process(line).leaving = line

    def on_subreaper(self, line):
        process = self.open_process(line)
        process.subreaper = process.subreaper or line

    def on_gone(self, line):
        self.latest[line["pid"]].gone = line

    def on_reaper(self, line):
        self.truth.reaper = line["pid"]

    def on_calm(self, line):
        self.truth.calm = line["t"]

    def on_exit(self, line):
        self.open_process(line).exit = line
        self.alive.pop(line["pid"], None)

    def on_skip(self, line):
        reasons = self.truth.skips.setdefault(line["scenario"], [])
        reasons.append((line.get("part"), line["reason"]))

    def on_broken(self, line):
        self.problem(line["scenario"], line["reason"])

    def finish(self):
        for process in self.alive.values():
            self.problem(process.scenario, f"{process} has no end")
        if not self.truth.main:
            raise ValueError("the truth has no beginning")
        return self.truth


def parse(lines):
    reader = _Reader()
    for line in lines:
        reader.take(line)
    return reader.finish()


def load(path):
    return parse(read_lines(path))
