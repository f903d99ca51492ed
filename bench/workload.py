# SPDX-License-Identifier: Apache-2.0
"""The storms, and the count of what an agent reported of them.

A Workload owns a copy of `storm` and of the programs it starts under paths that no other process
of the machine has, so what an agent says of our processes can be told from what it says of others.
"""

import json
import os
import shutil
import subprocess

from proc import Lines, end, spawn


class WorkloadError(Exception):
    pass


class Expected:
    """What an agent must have reported of our processes since it was ready."""

    def __init__(self):
        self.forks = self.execs = self.exits = 0

    def add(self, result):
        # The storm itself is an exec and an exit too; its fork is this program's, so not ours.
        self.forks += result["forks"]
        self.execs += result["execs"] + 1
        self.exits += result["exits"] + 1

    def total(self):
        return self.forks + self.execs + self.exits


class Workload:
    def __init__(self, build_dirs, scratch):
        """build_dirs: where built binaries may be, in order; scratch: our own, new folder."""
        here = os.path.dirname(os.path.abspath(__file__))
        self.storm = os.path.join(scratch, "storm")
        self.true = os.path.join(scratch, "true")
        # What people run: the dynamically linked program of the distribution.
        self.usual = os.path.join(scratch, "usual")
        shutil.copy("/bin/true", self.usual)
        self.token = os.path.basename(scratch).encode()
        for path in (self.storm, self.true):
            name = os.path.basename(path)
            source = os.path.join(here, name + ".c")
            for build in build_dirs:
                built = os.path.join(build, "bench", name)
                if os.path.exists(built) and os.path.getmtime(built) >= os.path.getmtime(source):
                    shutil.copy(built, path)
                    break
            else:
                compiler = os.environ.get("CC", "cc")
                try:
                    subprocess.run(
                        [compiler, "-std=c17", "-O2", "-static", "-o", path, source], check=True
                    )
                except (OSError, subprocess.CalledProcessError) as e:
                    raise WorkloadError(f"cannot compile {source}: {e}") from e

    def storms(self, options):
        """The timed storms: (key, number of programs, how they are spawned, arguments of storm)."""
        kinds = {"usual": (self.usual, "fork"), "bare": (self.true, "vfork")}
        found = []
        for kind in options.programs:
            program, how = kinds[kind]
            found.append((f"{kind}_seq", options.seq, how, ("seq", options.seq, program)))
            found.append((f"{kind}_jobs", options.jobs, how, ("jobs", 4, options.jobs, program)))
        return found

    def run(self, *mode, spawn_how="vfork"):
        """Runs a storm to its end; returns its counts and its elapsed_ns."""
        process = spawn(
            [self.storm, f"--spawn={spawn_how}", *map(str, mode)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        out, _ = process.communicate()
        end(process)
        if process.returncode not in (0, 1) or not out:
            raise WorkloadError(f"storm {mode[0]} ended with {process.returncode}")
        result = json.loads(out.splitlines()[-1])
        if result["failed"]:
            raise WorkloadError(
                f"storm {mode[0]}: {result['failed']} processes failed to start or to end well"
            )
        return result

    def live(self, count):
        return Live(self.storm, count)


class Live:
    """`count` sleeping processes, while the object is open."""

    def __init__(self, storm, count):
        self._argv = [storm, "live", str(count)]

    def __enter__(self):
        self._process = spawn(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lines = Lines(self._process.stdout)
        if self._lines.wait_for("live ", 60.0) is None:
            raise WorkloadError("the sleeping processes did not come up")
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        end(self._process)
        self._lines.finish()


KINDS = {
    "sched_process_fork": "forks",
    "sched_process_exec": "execs",
    "sched_process_exit": "exits",
}


def count_json(path, workload):
    """Counts, in Tarsier's JSON lines, the events of our processes: total and distinct.

    Distinct is by who forked off, ran or ended, and when that process started: a pid alone is
    reused within seconds in a storm."""
    total = {"forks": 0, "execs": 0, "exits": 0}
    distinct = {"forks": set(), "execs": set(), "exits": set()}
    ours = (workload.storm, workload.true, workload.usual)
    lost = malformed = lines = 0
    with open(path, "rb") as f:
        for line in f:
            lines += 1
            if workload.token not in line and b'"lost_events"' not in line:
                continue
            try:
                record = json.loads(line)
            except ValueError:
                malformed += 1
                continue
            if record["event"] == "lost_events":
                lost += int(record["args"]["count"])
                continue
            kind = KINDS.get(record["event"])
            if kind is None or record["process"]["exe"] not in ours:
                continue
            who = record["child"] if kind == "forks" else record["process"]
            total[kind] += 1
            distinct[kind].add((who["pid"], who["start_time"], who["exec_id"]))
    return {
        "lines": lines,
        "malformed": malformed,
        "lost_records": lost,
        "total": total,
        "distinct": {kind: len(members) for kind, members in distinct.items()},
    }


def compare(counted, expected):
    """(missing, surplus) of the events expected, over all kinds."""
    missing = surplus = 0
    for kind in ("forks", "execs", "exits"):
        want = getattr(expected, kind)
        missing += max(0, want - counted["distinct"][kind])
        surplus += max(0, counted["total"][kind] - want)
    return missing, surplus


def count_text(path, workload):
    """How many lines of a peer's output name our scratch folder: one for each exec in it."""
    with open(path, "rb") as f:
        return sum(1 for line in f if workload.token in line)
