#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what tarsier reported with what the workload knows to be true, one by one.

    compare.py TRUTH EVENTS [--tap PREFIX] [--with failed,rename] [--no-users]

Nothing may be missing, wrong, twice or invented: every fork, exec and exit of the truth has
exactly one record, every member of it that the truth knows is right, and no record of the
workload's processes lacks a truth. One TAP line per scenario, and some for the stream as a whole.
"""

import argparse
import pwd
import sys
from dataclasses import dataclass, field

import fields
import stream as st
import truth as tr
from tap import Tap

# How far a start time may be from the truth's for a record to be taken for that process at all.
MATCH_SLACK = 30_000_000
# How far the clocks may drift between the sensor's start and the workload's.
CLOCK_SLACK = 50_000_000


def local_user(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


@dataclass
class Options:
    # Also compare process_execute_failed and task_rename (they are not collected by default).
    failed: bool = False
    rename: bool = False
    # uid -> name or None; None: names are not compared (the truth is of another machine).
    users: object = local_user
    # Whether what some kernels can't tell must be told.
    all_told: bool = False
    # For a sensor that began in the middle: the boot-clock times (ns) before which it did not
    # run, and from which it promised to see everything; and who was in its snapshot, as
    # (pid, start_time).
    began: int = 0
    ready: int = 0
    snapshot: frozenset = frozenset()


@dataclass
class Seen:
    """The records of one process: one (pid, start time)."""

    key: tuple
    forks: list = field(default_factory=list)
    execs: list = field(default_factory=list)
    exits: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    renames: list = field(default_factory=list)

    def all(self):
        return self.forks + self.execs + self.exits + self.failed + self.renames

    @property
    def start(self):
        return st.parse_time(self.key[1])


@dataclass
class Report:
    # scenario -> list of texts
    differences: dict = field(default_factory=dict)
    # kind (missing, wrong, twice, invented) -> how many
    counts: dict = field(default_factory=dict)
    stream_problems: list = field(default_factory=list)
    identity_problems: list = field(default_factory=list)
    invented: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    compared: dict = field(default_factory=dict)
    broken: dict = field(default_factory=dict)
    # scenario -> names of members that the catalogue allows to be absent, and that were
    untold: dict = field(default_factory=dict)
    skips: dict = field(default_factory=dict)
    scenarios: list = field(default_factory=list)

    def add(self, kind, scenario, text):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.differences.setdefault(scenario, []).append(f"{kind}: {text}")

    @property
    def good(self):
        return not (self.differences or self.stream_problems or self.identity_problems or
                    self.invented or self.lost or self.broken)


class Comparison:
    def __init__(self, truth, stream, options):
        self.truth = truth
        self.stream = stream
        self.options = options
        if options.ready:
            truth.known_from = options.ready + truth.wall_minus_boot
        self.report = Report(broken=truth.broken, skips=truth.skips, scenarios=truth.scenarios)
        self.seen = {}
        self.members = set()
        # The exec record of each image of the truth, and the Seen of each process of the truth.
        self.exec_of_image = {}
        self.seen_of = {}

    def run(self):
        r = self.report
        r.stream_problems = self.stream.problems
        r.identity_problems = st.identity_problems(self.stream)
        if self.stream.lost:
            r.lost = [f"{st.lost_count(self.stream)} events lost: {e.raw['args']}"
                      for e in self.stream.lost]
        self.set_clock()
        self.collect()
        self.match()
        for process in self.truth.processes:
            if self.seen_of.get(id(process)):
                self.compare_process(process, self.seen_of[id(process)])
        self.compare_exec_ids()
        return r

    def set_clock(self):
        """The sensor measures its clocks once, at its start; if the wall clock is set while the
        test runs, that is nobody's fault. The truth is told in boot-clock time: take the sensor's
        offset, if it was anywhere near the right one at any time of the test."""
        offset, contradictions = st.clock_offset(self.stream)
        self.report.identity_problems += contradictions
        if offset is None or not self.truth.offsets:
            return
        early, late = min(self.truth.offsets), max(self.truth.offsets)
        if not early - CLOCK_SLACK <= offset <= late + CLOCK_SLACK:
            self.report.stream_problems.append(
                f"the clock is wrong: wall minus boot clock is {offset} ns, it was "
                f"{early} to {late}")
        self.truth.wall_minus_boot = offset

    # ---- which records are of the workload ----

    def collect(self):
        """Sorts the records by process and marks those of the workload's tree."""
        main = self.truth.main
        inside = (self.truth.directory + "/").encode()
        lists = {st.EXEC: "execs", st.EXIT: "exits", st.FAILED: "failed", st.RENAME: "renames"}
        for event in self.stream.events:
            actor = (event.process["pid"], event.process["start_time"])
            exe = event.process.get("exe", "").encode()
            if exe.startswith(inside) or self.is_start_of(actor, main):
                self.members.add(actor)
            if event.name == st.FORK:
                if actor in self.members:
                    self.members.add(event.key())
                self.seen.setdefault(event.key(), Seen(event.key())).forks.append(event)
            elif event.name in lists:
                seen = self.seen.setdefault(actor, Seen(actor))
                getattr(seen, lists[event.name]).append(event)
        # A pid of the snapshot that was of the workload already.
        for key in self.options.snapshot:
            self.seen.setdefault(key, Seen(key))

    def is_start_of(self, key, process):
        ticks = process.start_ticks
        if key[0] != process.pid or ticks is None:
            return False
        start = st.parse_time(key[1])
        return (self.truth.start_of(ticks) - MATCH_SLACK <= start <=
                self.truth.start_of(ticks + 1) + MATCH_SLACK)

    # ---- which records are of which process of the truth ----

    def match(self):
        by_pid = {}
        for seen in self.seen.values():
            by_pid.setdefault(seen.key[0], []).append(seen)
        for candidates in by_pid.values():
            candidates.sort(key=lambda s: s.start)
        for process in self.truth.processes:
            candidates = by_pid.get(process.pid, [])
            found = next((s for s in candidates if self.fits(s, process)), None)
            if found:
                candidates.remove(found)
                self.seen_of[id(process)] = found
            elif self.must_be_seen(process):
                self.report.add("missing", process.scenario, f"everything of {process}")
        matched = {id(s) for s in self.seen_of.values()}
        for seen in self.seen.values():
            if seen.key in self.members and id(seen) not in matched and seen.all():
                text = ", ".join(str(e) for e in seen.all()[:4])
                self.report.invented.append(
                    f"no process of the truth is pid {seen.key[0]}, started {seen.key[1]}: {text}")
                self.report.counts["invented"] = self.report.counts.get("invented", 0) + 1

    def fits(self, seen, process):
        if process.start_ticks is None:
            return True
        return self.is_start_of(seen.key, process)

    def must_be_seen(self, process):
        """Whether the sensor was there for any of it (always, if it was there from the start)."""
        # Not its exit: that is told of by another, after the fact.
        lines = [process.fork, *(e.line for e in process.execs), *process.failed, process.leaving]
        return any(line and line["t"] > self.options.ready for line in lines)

    # ---- one process ----

    def compare_process(self, process, seen):
        self.report.compared[process.scenario] = \
            self.report.compared.get(process.scenario, 0) + 1
        in_snapshot = seen.key in self.options.snapshot
        if not in_snapshot and not seen.forks and self.gone_when_ready(seen):
            # Too late for the snapshot, gone before the sensor said that it sees everything: what
            # is said of it is not held against anything.
            return
        self.compare_fork(process, seen, in_snapshot)
        self.compare_execs(process, seen, in_snapshot)
        self.compare_exit(process, seen)
        if self.options.failed:
            self.compare_in_order(process, self.told_failures(process, seen), process.failed,
                                  fields.exec_failed, "exec_failed")
        if self.options.rename:
            self.compare_renames(process, seen)

    def gone_when_ready(self, seen):
        last = max(e.time for e in seen.all()) if seen.all() else 0
        return last - self.truth.wall_minus_boot < self.options.ready

    def wrong(self, process, texts):
        for text in texts:
            self.report.add("wrong", process.scenario, f"{process}: {text}")

    def at_most_one(self, process, events, what):
        for event in events[1:]:
            self.report.add("twice", process.scenario,
                            f"{what} of {process}: {events[0]} and {event}")

    def compare_fork(self, process, seen, in_snapshot):
        if in_snapshot and seen.forks:
            self.report.add("twice", process.scenario,
                            f"{process} is in the snapshot and has a fork ({seen.forks[0]})")
        if process is self.truth.main:
            self.at_most_one(process, seen.forks, "fork")
            return
        if not seen.forks:
            # A kernel thread that becomes a process by its exec has no birth as one.
            optional = in_snapshot or process.how == "usermode_helper"
            if not optional:
                self.report.add("missing", process.scenario, f"the fork of {process}")
            return
        self.at_most_one(process, seen.forks, "fork")
        image = self.image_of_creator(process)
        self.wrong(process, fields.fork(seen.forks[0], process, image, self.truth,
                                        self.options.users, self.unread(image)))

    def unread(self, image):
        """Whether all that is known of an image is from the snapshot."""
        return bool(self.options.ready and image and image.image not in self.exec_of_image)

    def image_of_creator(self, process):
        number = process.fork.get("creator_image")
        owner = process.creator
        while owner:
            for image in owner.execs:
                if image.image == number:
                    return image
            owner = owner.creator
        return None

    def compare_execs(self, process, seen, in_snapshot):
        expected = process.execs
        if self.options.ready:
            # Those before the sensor was ready may be unseen: what is seen are the last ones.
            due = [e for e in expected if (e.tried or e.line)["t"] > self.options.ready]
            expected = expected[len(expected) - max(len(due), min(len(seen.execs),
                                                                  len(expected))):]
        pairs, lacking, extra = align(expected, seen.execs)
        for image in lacking:
            self.report.add("missing", process.scenario,
                            f"the exec of {fields.short(image.argv)} by {process}")
        for event in extra:
            argv = event.process.get("argv")
            again = any(e is not event and e.process.get("exec_id") == event.process.get("exec_id")
                        for e in seen.execs)
            self.report.add("twice" if again else "invented", process.scenario,
                            f"exec by {process}: {event}, {fields.short(argv)}")
        for image, event in pairs:
            self.exec_of_image[image.image] = event
            untold = self.report.untold.setdefault(process.scenario, set())
            self.wrong(process, fields.exec_(event, image, self.truth, self.options.users,
                                             None if self.options.all_told else untold))

    def compare_exit(self, process, seen):
        if process.exit is None:
            return
        if not seen.exits:
            if self.options.began < process.exit["t"] or seen.forks:
                self.report.add("missing", process.scenario, f"the exit of {process}")
            return
        self.at_most_one(process, seen.exits, "exit")
        image = process.execs[-1] if process.execs else None
        if not image and process.fork:
            image = self.image_of_creator(process)
        if process.tries:
            # An exec that killed it: what it was running when it ended is open to debate.
            image = None
        self.wrong(process, fields.exit_(seen.exits[0], process, image, self.truth,
                                         self.unread(image)))

    def compare_in_order(self, process, events, lines, compare, what):
        for event, line in zip(events, lines):
            self.wrong(process, compare(event, line))
        for line in lines[len(events):]:
            self.report.add("missing", process.scenario, f"{what} of {process}: {line}")
        for event in events[len(lines):]:
            self.report.add("invented", process.scenario, f"{what} of {process}: {event}")

    def told_failures(self, process, seen):
        """Without those that nobody was left to tell of: a failure too late to return from, or
        of a thread that was beaten by another's exec."""
        untold = [t["tid"] for t in process.tries + process.beaten]
        told = []
        for event in seen.failed:
            if len(seen.failed) > len(process.failed) and event.process.get("tid") in untold and \
                    not any(not fields.exec_failed(event, line) for line in process.failed):
                untold.remove(event.process["tid"])
            else:
                told.append(event)
        return told

    def compare_renames(self, process, seen):
        """An exec renames as well; those records need no truth of their own."""
        names = {tr.as_bytes(e.line["comm"]) for e in process.execs}
        if process.tries and process.exit:
            names.add(tr.as_bytes(process.exit["comm"]))
        told = {(line["tid"], tr.as_bytes(line["new"])) for line in process.renames}
        events = []
        for event in seen.renames:
            new_name = st.text_bytes(event.args, "new_name")
            if new_name in names and (event.process.get("tid"), new_name) not in told:
                continue
            events.append(event)
        # Threads write down their renames in an order of their own.
        tids = [line["tid"] for line in process.renames] + [e.process.get("tid") for e in events]
        for tid in dict.fromkeys(tids):
            self.compare_in_order(process, [e for e in events if e.process.get("tid") == tid],
                                  [line for line in process.renames if line["tid"] == tid],
                                  fields.rename, "rename")

    # ---- ids of images, across the records of all ----

    def id_of_fork_image(self, process):
        seen = self.seen_of.get(id(process))
        return seen.forks[0].child.get("exec_id") if seen and seen.forks else None

    def id_of_current(self, process, number):
        """exec_id of the image that the process ran when it was image `number` of the truth."""
        for image in process.execs:
            if image.image == number:
                event = self.exec_of_image.get(number)
                return event.process.get("exec_id") if event else None
        return self.id_of_fork_image(process)

    def compare_exec_ids(self):
        used = {}
        for process in self.truth.processes:
            seen = self.seen_of.get(id(process))
            if not seen:
                continue
            for event in seen.forks[:1] + [self.exec_of_image[e.image] for e in process.execs
                                           if e.image in self.exec_of_image]:
                who = event.child if event.name == st.FORK else event.process
                first = used.setdefault(who.get("exec_id"), event)
                if first is not event:
                    self.wrong(process, [f"{event}: a new image has the exec_id of {first}"])
            self.compare_exit_id(process, seen)
            self.compare_parent_ids(process, seen)

    def compare_exit_id(self, process, seen):
        last = process.execs[-1].image if process.execs else None
        expected = self.id_of_current(process, last)
        if seen.exits and expected and not process.tries:
            d = fields.Differences(seen.exits[0])
            d.same("process.exec_id", seen.exits[0].process.get("exec_id"), expected)
            self.wrong(process, d.texts)

    def compare_parent_ids(self, process, seen):
        """The parent is the image that forked, as long as it is the parent."""
        if not process.fork or not process.creator:
            return
        expected = self.id_of_current(process.creator, process.fork.get("creator_image"))
        if not expected:
            return
        if seen.forks:
            d = fields.Differences(seen.forks[0])
            d.same("process.exec_id", seen.forks[0].process.get("exec_id"), expected)
            self.wrong(process, d.texts)
        if process.fork["ppid"] != process.creator.pid:
            return
        image = self.image_of_creator(process)
        for event in seen.forks[:1] + seen.execs:
            who = event.child if event.name == st.FORK else event.process
            first = (who.get("ancestors") or [{}])[0]
            if first.get("pid") != process.creator.pid:
                continue
            d = fields.Differences(event)
            d.same("ancestors[0].exec_id", first.get("exec_id"), expected)
            if image:
                d.same_bytes("ancestors[0].exe", first, "exe", tr.as_bytes(image.line["exe"]))
            self.wrong(process, d.texts)


def align(expected, events):
    """Pairs the execs of the truth with the records; what is left over on either side.

    Both are in order. If their numbers differ, arguments tell which are the same.
    """
    if len(expected) == len(events):
        return list(zip(expected, events)), [], []

    def argv_of(event):
        try:
            return st.list_bytes(event.process, "argv")
        except ValueError:
            return None

    ours = [e.argv for e in expected]
    theirs = [argv_of(e) for e in events]
    # Longest common subsequence.
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in range(len(ours) - 1, -1, -1):
        for j in range(len(theirs) - 1, -1, -1):
            best[i][j] = (best[i + 1][j + 1] + 1 if ours[i] == theirs[j]
                          else max(best[i + 1][j], best[i][j + 1]))
    pairs, lacking, extra = [], [], []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        if ours[i] == theirs[j]:
            pairs.append((expected[i], events[j]))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            lacking.append(expected[i])
            i += 1
        else:
            extra.append(events[j])
            j += 1
    return pairs, lacking + expected[i:], extra + events[j:]


def compare(truth, stream, options=None):
    return Comparison(truth, stream, options or Options()).run()


def tell(report, tap):
    """The report as TAP."""
    whole = [s for s in report.differences if s not in report.scenarios]
    for scenario in report.scenarios + whole:
        skips = report.skips.get(scenario, [])
        broken = [f"the workload itself failed: {t}" for t in report.broken.get(scenario, [])]
        reason = next((reason for part, reason in skips if part is None), None)
        differences = broken + report.differences.get(scenario, [])
        if reason and not differences:
            tap.skip(scenario, reason)
            continue
        count = report.compared.get(scenario, 0)
        if not count and not differences:
            differences = ["nothing was compared"]
        tap.check(not differences, f"{scenario} ({count} processes)", differences)
        for part, reason in skips:
            if part is not None:
                tap.skip(f"{scenario}: {part}", reason)
        for name in sorted(report.untold.get(scenario, ())):
            tap.skip(f"{scenario}: {name}", "the sensor can't tell it on this kernel")
    for scenario, reasons in report.broken.items():
        if scenario not in report.scenarios and scenario not in whole:
            tap.check(False, f"the truth of {scenario}", reasons)
    tap.check(not report.invented, "nothing is invented", report.invented)
    tap.check(not report.lost, "nothing is lost", report.lost)
    tap.check(not report.stream_problems, "records, numbers and times are in order",
              report.stream_problems)
    tap.check(not report.identity_problems, "ids are unique and stay with their process",
              report.identity_problems)
    if report.counts:
        tap.note("differences: " + ", ".join(f"{n} {k}" for k, n in sorted(report.counts.items())))


def main():
    parser = argparse.ArgumentParser(description="Compare tarsier's records with the truth.")
    parser.add_argument("truth")
    parser.add_argument("events")
    parser.add_argument("--tap", default="", metavar="PREFIX", help="before each check's name")
    parser.add_argument("--with", dest="also", default="", metavar="failed,rename",
                        help="events that were collected beside the default ones")
    parser.add_argument("--no-users", action="store_true",
                        help="user names are of another machine: don't compare them")
    args = parser.parse_args()
    also = set(filter(None, args.also.split(",")))
    if also - {"failed", "rename"}:
        parser.error(f"--with knows failed and rename, not {', '.join(also)}")
    options = Options(failed="failed" in also, rename="rename" in also,
                      users=None if args.no_users else local_user)
    try:
        truth, stream = tr.load(args.truth), st.load(args.events)
    except (OSError, ValueError, KeyError) as e:
        parser.exit(2, f"compare.py: {type(e).__name__}: {e}\n")
    tap = Tap(args.tap)
    tell(compare(truth, stream, options), tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
