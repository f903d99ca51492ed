# SPDX-License-Identifier: Apache-2.0
"""Whose child was whose, when: derived from the truth, held against the ancestors of records.

    lineage.py TRUTH EVENTS [--tap PREFIX] [--lossy] [SCENARIO...]

compare.py holds the ancestors of each fork and exec against what the process itself saw then. That
needs moments in which nothing else happens, says nothing of other records, and knows no images.
Here the truth is derived instead: a process has the parent that made it until that one ends; then
the nearest living subreaper above that one has it, or else who adopts the main process's orphans.
Each birth and each end lies between two moments that the truth knows, and what is shown at a time
must have been so at that time. That holds for every record, in the midst of any storm.
"""

import argparse
import sys
from dataclasses import dataclass, field

import stream as st
import truth as tr
from tap import Tap

EVER = float("inf")
# Where orphans go to the first process of a namespace, which the truth does not name.
NOT_DERIVED = {"pid_ns"}


@dataclass
class Image:
    """What a process ran, and when it began: not before, and not after."""

    number: int
    early: float
    late: float
    exe: bytes | None
    name: bytes | None


@dataclass
class Outside:
    """A process above the main one: not of the workload, and it stays."""

    pid: int
    ticks: int
    above: "Outside | None" = None

    def __str__(self):
        return f"process {self.pid} (outside)"


@dataclass
class Edge:
    """A parent, and when it can have been that; the image is one that it ran between the last two."""

    parent: object
    early: float
    late: float
    image_early: float
    image_late: float
    # The image that forked, of an edge that is by birth.
    image: int | None = None

    @property
    def by_birth(self):
        return self.early == -EVER


class Node:
    """A process of the truth, with what is derived of it."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid
        self.ticks = process.start_ticks
        # The line in which it told of its birth, after the fact.
        self.born = process.fork["t"] if process.fork else -EVER
        self.end_early, self.end_late = self.end()
        self.images = []
        self.edges = None
        self.heirs = None

    def end(self):
        p = self.process
        told = [p.fork, p.leaving, p.subreaper, *p.failed, *p.renames, *p.tries]
        told += [e.line for e in p.execs] + [e.tried for e in p.execs]
        early = max((line["t"] for line in told if line), default=-EVER)
        if not p.exit:
            return early, EVER
        if p.exit["by"] == "self":
            return max(early, p.exit["t"]), p.gone["t"] if p.gone else EVER
        return early, p.exit["t"]

    def current(self, early, late):
        """The images that it can have run at some time between the two."""
        for image, after in zip(self.images, self.images[1:] + [None]):
            if image.early <= late and (not after or after.late >= early):
                yield image

    def __str__(self):
        return str(self.process)


class Lineage:
    def __init__(self, truth):
        self.truth = truth
        self.node_of = {id(p): Node(p) for p in truth.processes if p.start_ticks is not None}
        # Pids of those that the truth can't tell from others with the same pid.
        self.no_start = {p.pid for p in truth.processes if p.start_ticks is None}
        self.by_pid = {}
        for node in self.node_of.values():
            self.by_pid.setdefault(node.pid, []).append(node)
        self.main = self.node_of[id(truth.main)]
        self.outside = {}
        above = None
        for pid, ticks in reversed(truth.main.execs[0].line["chain"]):
            above = self.outside[pid] = Outside(pid, ticks, above)
        self.top = above
        for node in self.node_of.values():
            self.fill_images(node)
        # In the order of their births: what stands above them is derived already.
        for node in self.node_of.values():
            self.edges(node)

    def fill_images(self, node):
        fork = node.process.fork
        if fork:
            made_by = self.find_image(node.process.creator, fork.get("creator_image"))
            # The C library's child tells of its birth when it has another name already.
            name = None if fork["how"] == "posix_spawn" else tr.as_bytes(fork["comm"])
            node.images.append(Image(0, -EVER, fork["t"], made_by and made_by.exe, name))
        else:
            # What the main process was before its exec; only whoever started it knows.
            node.images.append(Image(0, -EVER, node.process.execs[0].line["t"], None, None))
        for e in node.process.execs:
            node.images.append(Image(e.image, e.tried["t"] if e.tried else -EVER, e.line["t"],
                                     tr.as_bytes(e.line["exe"]), tr.as_bytes(e.line["comm"])))

    def find_image(self, process, number):
        """Whose image it was that made a process: the creator's own, or one that was forked."""
        while process:
            for e in process.execs:
                if e.image == number:
                    return Image(number, 0, 0, tr.as_bytes(e.line["exe"]), None)
            process = process.creator
        return None

    # ---- who is whose child ----

    def edges(self, node):
        """All parents that it can have had, with their times."""
        if isinstance(node, Outside):
            return [Edge(node.above, -EVER, EVER, -EVER, EVER)] if node.above else []
        if node is self.main:
            return [Edge(self.top, -EVER, EVER, -EVER, EVER)]
        if node.edges is None:
            node.edges = self.derive_edges(node)
        return node.edges

    def derive_edges(self, node):
        fork = node.process.fork
        if not fork or not node.process.creator:
            return []
        maker = self.node_of.get(id(node.process.creator))
        if fork["ppid"] != maker.pid and fork["how"] == "clone3_parent":
            out = [Edge(e.parent, e.early, e.late, -EVER, node.born) for e in self.edges(maker)]
        else:
            out = [Edge(maker, -EVER, maker.end_late, -EVER, node.born, fork["creator_image"])]
        for edge in out:
            parent = edge.parent
            if isinstance(parent, Outside) or parent.end_early > node.end_late:
                continue
            for heir in self.derive_heirs(parent):
                if any(e.parent is heir and e.early == parent.end_early for e in out):
                    continue
                late = EVER if isinstance(heir, Outside) else heir.end_late
                out.append(Edge(heir, parent.end_early, late, parent.end_early, parent.end_late))
        return out

    def derive_heirs(self, node):
        """Who can have got its children when it ended: find_new_reaper() in kernel/exit.c."""
        if node.heirs is None:
            node.heirs = []
            self.look_above(node, node.end_early, node.end_late, node.heirs, 0)
        return node.heirs

    def look_above(self, node, early, late, found, depth):
        if depth > 200:
            raise ValueError(f"{node} is its own ancestor")
        for edge in self.edges(node):
            q = edge.parent
            if edge.early > late or edge.late < early:
                continue
            if isinstance(q, Outside):
                heir = self.outside.get(self.truth.reaper)
                if heir and heir not in found:
                    found.append(heir)
                continue
            is_one = q.process.subreaper
            if is_one and is_one["since"] <= late and q.end_late >= early:
                if q not in found:
                    found.append(q)
                if is_one["t"] <= early and q.end_early >= late:
                    continue
            self.look_above(q, early, late, found, depth + 1)

    def start(self, shown):
        """When a process began, on the boot clock."""
        return st.parse_time(shown["start_time"]) - self.truth.wall_minus_boot

    def who(self, shown):
        """The process that a record, or one of its ancestors, names; None: not one of ours."""
        start = self.start(shown)
        ticks = start // self.truth.tick_ns
        outside = self.outside.get(shown["pid"])
        if outside and outside.ticks == ticks:
            return outside
        # A pid can be used again within a tick.
        return next((n for n in self.by_pid.get(shown["pid"], [])
                     if n.ticks == ticks and (n.born >= start or not n.process.fork)), None)


@dataclass
class Counts:
    """What was looked at: a judge that saw nothing must not be content."""

    right: int = 0
    flagged: int = 0
    # Flagged, though it was right.
    needless: int = 0
    edges: int = 0
    adopted: int = 0
    depth: int = 0
    # Ancestors of which it was not said what they ran.
    no_exe: int = 0
    wrong: list = field(default_factory=list)
    # (time of the record on the boot clock, pid, whether it was flagged)
    bad: list = field(default_factory=list)


class Judge:
    """lossy: the sensor came late or lost events: what it does not know it must flag, and of a
    process it did not see being born it may show a later image of the parent."""

    def __init__(self, truth, stream, lossy=False, scenarios=()):
        offset, _ = st.clock_offset(stream)
        if offset is not None:
            truth.wall_minus_boot = offset
        self.truth = truth
        self.lossy = lossy
        self.scenarios = set(scenarios)
        self.lineage = Lineage(truth)
        self.stream = stream
        self.counts = Counts()

    def run(self):
        for event in self.stream.events:
            if event.process:
                self.judge(event, "process", event.process)
            if event.child:
                self.judge(event, "child", event.child)
        return self.counts

    def judge(self, event, role, shown):
        counts = self.counts
        at = event.time - self.truth.wall_minus_boot
        node = self.lineage.who(shown)
        if isinstance(node, Outside):
            return
        scenario = node.process.scenario if node else None
        if scenario in NOT_DERIVED or (node and self.scenarios and scenario not in self.scenarios):
            return
        if not node and shown["pid"] in self.lineage.no_start:
            return
        if not node and not any(isinstance(self.lineage.who(a), Node) for a in shown["ancestors"]):
            return
        flagged = shown["parent_missing"]
        problem = self.line_of(node, role, shown, at)
        if flagged and self.lossy:
            counts.flagged += 1
            counts.needless += problem is None
            counts.bad.append((at, shown["pid"], True))
            return
        if flagged:
            problem = "parent_missing is true"
        if problem:
            counts.wrong.append(f"{event}, {role} {shown['pid']} ({shown['name']}): {problem}; "
                                f"shown: {[shown['pid']] + [a['pid'] for a in shown['ancestors']]}")
            counts.bad.append((at, shown["pid"], False))
        else:
            counts.right += 1
            counts.depth = max(counts.depth, len(shown["ancestors"]))

    def line_of(self, node, role, shown, at):
        """What is wrong with a line, or None."""
        if not node:
            return "it is not of the truth, yet its ancestors are"
        people = [shown] + shown["ancestors"]
        if shown["ppid"] != (people[1]["pid"] if len(people) > 1 else 0):
            return f"its ppid is {shown['ppid']}"
        early, late = (-EVER, node.born) if role == "child" else (at, at)
        problem = self.image_of(node, shown, early, late, None)
        for below, above in zip(people, people[1:]):
            if problem:
                return problem
            problem, node = self.edge_of(node, below, above, at)
        if not problem and people[-1]["pid"] != 1:
            problem = f"it ends at {people[-1]['pid']}"
        return problem

    def edge_of(self, node, below, above, at):
        counts = self.counts
        parent = self.lineage.who(above)
        edges = [e for e in self.lineage.edges(node) if e.parent is parent and parent]
        fitting = [e for e in edges if e.early <= at <= e.late]
        if not fitting:
            return (f"{above['pid']} ({above['name']}) is not above {node} "
                    f"{'at that time' if edges else 'at any time'}: {self.expected(node, at)}",
                    parent)
        counts.edges += 1
        if isinstance(parent, Outside):
            return None, parent
        counts.adopted += not any(e.by_birth for e in fitting)
        problems = []
        for edge in fitting:
            early, late, only = edge.image_early, edge.image_late, edge.image
            if self.lossy:
                early, late, only = max(early, self.lineage.start(below)), max(late, at), None
            problems.append(self.image_of(parent, above, early, late, only))
        return (None if None in problems else f"above {below['pid']}: {problems[0]}"), parent

    def expected(self, node, at):
        names = [str(e.parent) for e in self.lineage.edges(node) if e.early <= at <= e.late]
        return "expected " + (" or ".join(names) or "nobody: it had ended")

    def image_of(self, node, shown, early, late, only):
        """Whether it is one of the images that the process ran between the two."""
        began = st.boot_start(shown)
        images = list(node.current(early, late))
        if only is not None:
            images = [i for i in images if i.number == only] or \
                [i for i in images if i.number == 0]
        first = began // self.truth.tick_ns == node.ticks
        fitting = [i for i in images if (first and (i.number == 0 or self.lossy)) or
                   (i.number and i.early <= began <= i.late) or
                   (first and i is node.images[0])]
        if not fitting:
            return (f"the image of {shown['pid']} that began at {began} is none that it ran then: "
                    f"{[(i.number, i.early, i.late) for i in images]}")
        if any(i.exe is None for i in fitting):
            return None
        if "exe" not in shown:
            self.counts.no_exe += 1
            return None if self.lossy else f"it is not said what {shown['pid']} runs"
        exe = st.text_bytes(shown, "exe")
        if not any(exe == i.exe for i in fitting):
            return f"{shown['pid']} runs {exe}, truth is {[i.exe for i in fitting]}"
        name = st.text_bytes(shown, "name")
        # A rename is seen when it happens; an exec that ends its process has renamed it, too.
        if not node.process.renames and not node.process.tries and not any(i.name in (name, None) for i in fitting):
            return f"{shown['pid']} is called {name}, truth is {[i.name for i in fitting]}"
        return None


def tell(judge, tap, name):
    counts = judge.counts
    broken = [f"the workload itself failed: {t}" for texts in judge.truth.broken.values()
              for t in texts]
    flagged = f", {counts.flagged} flagged ({counts.needless} of them right)" if judge.lossy \
        else ""
    # Where events are lost, one that comes later than the ring waits for it (10 ms) meets what is known
    # of a time after it: on a crowded machine some of ten thousands.
    few = counts.right + counts.flagged if judge.lossy else 0
    tap.check(len(counts.wrong) * 200 <= few and not broken and counts.right,
              f"{name}: {counts.right} lines right{flagged} ({counts.edges} edges, "
              f"{counts.adopted} by adoption, up to {counts.depth} deep)", broken + counts.wrong)


def main():
    parser = argparse.ArgumentParser(description="Compare lines of ancestors with the truth.")
    parser.add_argument("truth")
    parser.add_argument("events")
    parser.add_argument("scenarios", nargs="*", help="only these; default: all")
    parser.add_argument("--tap", default="", metavar="PREFIX", help="before each check's name")
    parser.add_argument("--lossy", action="store_true",
                        help="the sensor came late or lost events: what is flagged may be wrong")
    args = parser.parse_args()
    tap = Tap(args.tap)
    judge = Judge(tr.load(args.truth), st.load(args.events), args.lossy, args.scenarios)
    judge.run()
    tell(judge, tap, "ancestors")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
