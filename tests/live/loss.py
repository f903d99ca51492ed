# SPDX-License-Identifier: Apache-2.0
"""Judges a run in which much was lost: `workload --loss-storm`, with its records and its end.

During the storm a line may be flagged, but not wrong. When it has been calm for a second, every
process that lived through it is shown as it is, and nothing is flagged any more. And those of
which the end was lost are gone.
"""

import json

import lineage
import stream as st

PF_KTHREAD = 0x200000
# So long after the last loss everything is repaired.
REPAIR_NS = 1_000_000_000
# The workload is calm a little longer, so that there is something to look at then.
CALM_NS = 1_200_000_000


class Loss:
    def __init__(self, truth, stream):
        self.truth = truth
        self.stream = stream
        self.judge = lineage.Judge(truth, stream, lossy=True)
        self.counts = self.judge.run()
        self.lost = st.lost_count(stream)
        nodes = self.judge.lineage.node_of.values()
        self.survivors = [n for n in nodes if n.process.fork and n.born < truth.calm and
                          n.end_early > truth.calm + CALM_NS]

    def repaired_after(self):
        """ns after the storm until the last line that was wrong or flagged."""
        return max((at - self.truth.calm for at, _, _ in self.counts.bad if at > self.truth.calm),
                   default=0)

    def hit(self):
        """How many of the survivors' births and execs, and of their parents' ends, were not told."""
        born, execs, ended = set(), {}, set()
        line = self.judge.lineage
        for event in self.stream.events:
            node = line.who(event.child if event.name == st.FORK else event.process)
            if event.name == st.FORK:
                born.add(id(node))
            elif event.name == st.EXEC:
                execs[id(node)] = execs.get(id(node), 0) + 1
            elif event.name == st.EXIT:
                ended.add(id(node))
        births = sum(1 for n in self.survivors if id(n) not in born)
        images = sum(max(0, len(n.process.execs) - execs.get(id(n), 0)) for n in self.survivors)
        above = {id(e.parent) for n in self.survivors for e in line.edges(n)
                 if e.late < self.truth.calm}
        return births, images, len(above - ended)

    def unseen(self):
        """Survivors of which there is no right line after a second of calm."""
        since = self.truth.calm + REPAIR_NS
        seen = {id(self.judge.lineage.who(e.process)) for e in self.stream.events
                if e.process and e.time - self.truth.wall_minus_boot > since and
                e.name == st.FORK}
        return [str(n) for n in self.survivors if id(n) not in seen]

    def tell(self, tap, summary_lost):
        births, images, ends = self.hit()
        counts, after = self.counts, self.repaired_after()
        last_loss = max((st.parse_time(e.args["to"]) for e in self.stream.lost), default=0) - \
            self.truth.wall_minus_boot
        last_bad = max((at for at, _, _ in counts.bad), default=0)
        depths = [self.depth(n) for n in self.survivors]
        tap.note(f"{self.lost} events lost, told in {len(self.stream.lost)} records; "
                 f"{len(self.survivors)} processes live through it, "
                 f"up to {max(depths, default=0)} deep; of them {births} births, "
                 f"{images} execs and {ends} ends of parents were lost; the last line that is wrong "
                 f"or flagged is {(last_bad - last_loss) / 1e6:.0f} ms after the last loss, "
                 f"{(last_bad - self.truth.calm) / 1e6:.0f} ms after the storm")
        tap.check(self.lost > 1000 and self.lost == summary_lost,
                  "events are lost, and the summary and the records agree on how many",
                  [f"records: {self.lost}, summary: {summary_lost}"])
        tap.check(len(self.survivors) >= 10 and births and images and ends,
                  "what is lost matters to those that live on",
                  [f"{len(self.survivors)} of them: {births} births, {images} execs, {ends} ends"])
        lineage.tell(self.judge, tap, "in the storm: no line is wrong that isn't flagged")
        late = [f"pid {pid}, {(at - self.truth.calm) / 1e6:.0f} ms after the storm: "
                f"{'flagged' if flagged else 'wrong'}"
                for at, pid, flagged in counts.bad if at > self.truth.calm + REPAIR_NS]
        tap.check(not late and after < REPAIR_NS, "within a second of calm, all is repaired", late)
        unseen = self.unseen()
        tap.check(not unseen, "then each that lived through it shows who it is", unseen)

    def depth(self, node):
        """How many of the workload stood above it when it was calm."""
        at, depth = self.truth.calm + REPAIR_NS, 0
        while isinstance(node, lineage.Node):
            node = next((e.parent for e in self.judge.lineage.edges(node)
                         if e.early <= at <= e.late), None)
            depth += 1
        return depth - 1


def tree_pids(text):
    """Of `tarsier tree -f json`: when each began that is no kernel thread (ns since the epoch), by
    pid; and how many there are with these."""
    began, total = {}, 0
    todo = list(json.loads(text)["processes"])
    while todo:
        node = todo.pop()
        total += 1
        if not node["kernel_thread"]:
            began[node["pid"]] = st.parse_time(node["start_time"])
        todo += node["children"]
    return began, total


def stat_pids(lines):
    """Of the lines of /proc/PID/stat: the pids that are neither kernel threads nor zombies."""
    pids = set()
    for line in lines:
        pid, rest = line.split(" ", 1)[0], line.rpartition(")")[2].split()
        if rest[0] not in "ZX" and not int(rest[6]) & PF_KTHREAD:
            pids.add(int(pid))
    return pids


def tell_end(tap, truth, tree, before, after, summary):
    """tree: what tree_pids() gave of the sensor's end; before, after: who was there when it was
    told to end, and when it had; summary: how many there are in its own words."""
    began, total = tree
    # Who began later can have ended when the sensor did not look any more.
    calm = truth.calm + truth.wall_minus_boot
    ghosts = sorted(pid for pid, start in began.items()
                    if start < calm and pid not in before | after)
    lacking = sorted((before & after) - set(began))
    tap.check(not ghosts, "who has ended is gone, though its end was lost",
              [f"{len(ghosts)}: {ghosts[:20]}"])
    tap.check(not lacking, "who is there is known", [f"{len(lacking)}: {lacking[:20]}"])
    tap.check(summary == total, "the summary says how many there are",
              [f"summary: {summary}, tree: {total}"])
