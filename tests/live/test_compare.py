#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the judge: does compare.py see it when the records are wrong?

A small truth is written by hand, a perfect stream is made of it, and then spoiled, in every way
there is: each of its members in turn, records left out, doubled, invented, out of order. With
$WORKLOAD (default build/tests/live/workload) the same on a real truth. TAP, needs no sensor.
"""

import copy
import os
import random
import subprocess
import sys
import tempfile

import compare as cmp
import stream as st
import synth
import truth as tr
from tap import Tap

BOOT = 1_700_000_000_000_000_000
SECOND = 1_000_000_000

# Members that nothing in the truth speaks about, by record; a change of them goes unseen, and
# only of these. Longer names end in the shorter: "ancestors.name" is of any ancestors.
NOT_JUDGED = {
    st.FORK: {"process.ns_pid", "process.ppid", "process.name", "process.cwd", "process.uid",
              "process.gid", "process.euid", "process.is_exec", "process.parent_missing",
              "process.argv_truncated", "process.ancestors", "process.user", "process.tty",
              "child.cwd",
              "child.argv_truncated"},
    st.EXEC: set(),
    st.EXIT: {"process.user", "process.uid", "process.gid", "process.euid", "process.ns_pid",
              "process.tid", "process.cwd", "process.is_exec", "process.argv_truncated"},
}
NOT_JUDGED_ANYWHERE = {"seq", "host", "ancestors.name", "ancestors.exe", "ancestors.exec_id",
                       "ancestors.entity_id", "ancestors.start_time"}


class Story:
    """Writes a truth by hand."""

    def __init__(self):
        self.lines = []
        self.now = 100 * SECOND
        self.image = 0

    def add(self, kind, scenario, **members):
        self.now += SECOND // 100
        self.lines.append(dict(kind=kind, scenario=scenario, t=self.now, **members))

    def phase(self, scenario, phase, pid):
        self.add("phase", scenario, phase=phase, pid=pid, wall_minus_boot=BOOT,
                 ticks_per_second=100, dir="/tmp/truth")

    def ticks(self):
        return self.now // (SECOND // 100)

    def stat(self, pid, ppid, ticks, comm="helper"):
        return dict(pid=pid, ppid=ppid, sid=7, tty_nr=34816 + 3, start_ticks=ticks, comm=comm)

    def ids(self, uid=1001):
        return dict(uid=uid, euid=uid + 1, suid=uid + 2, gid=uid + 3, egid=uid + 4, sgid=uid + 5)

    def fork(self, scenario, pid, creator, chain, image):
        self.now += SECOND // 100
        self.add("fork", scenario, how="fork", **self.stat(pid, chain[0][0], self.ticks()),
                 ns_pid=pid % 10, creator=creator, creator_tid=creator, creator_image=image,
                 chain=chain, **self.ids())
        return [[pid, self.lines[-1]["start_ticks"]]] + chain

    def exec(self, scenario, chain, argv, **more):
        self.image += 1
        (pid, ticks), rest = chain[0], chain[1:]
        if scenario != "main":
            self.add("try", scenario, pid=pid, tid=pid, comm="before", cmdpath="/bin/asked",
                     argv=argv)
        kinds = ("uts", "ipc", "mnt", "pid", "pid_for_children", "net", "time",
                 "time_for_children", "cgroup", "user")
        members = dict(self.stat(pid, rest[0][0], ticks), ns_pid=pid % 10, argv=argv,
                       exe="/tmp/truth/helper", exe_deleted=False, cwd="/tmp", cwd_deleted=False,
                       dev=65024, ino=77, mode=0o100755, nlink=1, ctime=5, stdin_mode=0o20666,
                       stdin="/dev/null", loginuid=1000, cap_inheritable=1, cap_permitted=0,
                       cap_effective=3, securebits=4, user_ns_level=1, user_ns_owner=9,
                       ns={kind: 4000 + i for i, kind in enumerate(kinds)}, cgroup="/a/b",
                       cgroup_id=12, env=["HOME", "TERM"], env_size=30, chain=rest,
                       image=self.image, **self.ids())
        members.update(more)
        self.add("exec", scenario, **members)
        return self.image

    def exit(self, scenario, chain, code=0, signal=0, core=False):
        (pid, ticks), rest = chain[0], chain[1:]
        self.add("exit", scenario, **self.stat(pid, rest[0][0], ticks), code=code, signal=signal,
                 core=core, by="wait")


def small_story():
    s = Story()
    top = [[500, s.ticks()], [10, 20], [1, 1]]
    s.phase("main", "start", 500)
    image = s.exec("main", top, ["workload"], exe="/build/workload")
    s.phase("first", "start", 500)
    a = s.fork("first", 501, 500, top, image)
    b = s.fork("first", 502, 501, a, image)
    second = s.exec("first", b, ["one", "", {"b64": "/2E="}, "x" * 101000], cwd_deleted=True)
    c = s.fork("first", 503, 502, b, second)
    s.exit("first", c, 0, 11, True)
    s.exec("first", b, ["two", "\u0001\u00e9\n"], exe="/tmp/truth/gone", exe_deleted=True)
    s.exit("first", b, 42)
    # The same pid once more.
    d = s.fork("first", 502, 501, a, image)
    s.add("thread", "first", pid=502, tid=599)
    s.exit("first", d, 3)
    s.exit("first", a)
    s.phase("second", "start", 500)
    e = s.fork("second", 504, 500, top, image)
    s.add("exec_failed", "second", pid=504, tid=504, comm="helper", cmdpath="/nowhere", errno=2,
          error="ENOENT", argv=["fails"])
    s.add("rename", "second", pid=504, tid=505, old="helper", new="{renamed}")
    s.exec("second", e, ["set", "id"], mode=0o104755, uid=1001, euid=0)
    s.exit("second", e)
    s.exit("main", top)
    return s.lines


def spoil(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        if value[4:5] == "-" and value.endswith("Z"):
            return st.format_time(st.parse_time(value) + 60 * SECOND)
        if value.isdigit():
            return str(int(value) + 1)
        return value[:-1] + chr((ord(value[-1]) ^ 1) or 2) if value else "x"
    if isinstance(value, list):
        return value[:-1] if value else ["invented"]
    if value is None:
        return "AA=="
    raise TypeError(value)


def leaves(obj, path=()):
    """Paths of all members: of lists the list, and each item."""
    if isinstance(obj, dict):
        for key, value in obj.items():
            yield from leaves(value, path + (key,))
        return
    yield path
    if isinstance(obj, list):
        for i, value in enumerate(obj):
            if isinstance(value, (dict, list)):
                yield from leaves(value, path + (i,))
            else:
                yield path + (i,)


def spoiled(record, path, remove):
    record = copy.deepcopy(record)
    at = record
    for key in path[:-1]:
        at = at[key]
    if remove:
        del at[path[-1]]
    else:
        at[path[-1]] = spoil(at[path[-1]])
        if path[-1] == "run_time":
            # A clock may differ by a little; this is more.
            at[path[-1]] += SECOND
    return record


class Bench:
    """A truth and the perfect stream of it; judge() says how a spoiled one is found."""

    def __init__(self, truth, users=None):
        self.truth = truth
        self.options = cmp.Options(failed=True, rename=True, users=users, all_told=True)
        self.records = synth.make(truth, users)
        self.lines = synth.dump(self.records)

    def judge(self, records=None, lines=None):
        if records is not None:
            for seq, record in enumerate(records, 1):
                if record.get("seq") is not None:
                    record["seq"] = seq
            lines = synth.dump(records)
        return cmp.compare(self.truth, st.parse(lines), self.options)

    def judge_line(self, number, line):
        return self.judge(lines=self.lines[:number] + [line] + self.lines[number + 1:])

    def find(self, event, where=lambda r: True):
        return [i for i, r in enumerate(self.records) if r["event"] == event and where(r)]


def all_texts(report):
    out = [t for texts in report.differences.values() for t in texts]
    return out + report.invented + report.stream_problems + report.identity_problems + report.lost


def test_perfect(tap, bench, name):
    report = bench.judge(lines=bench.lines)
    tap.check(report.good, f"{name}: a perfect stream passes", all_texts(report))


def test_missing(tap, bench):
    unseen = []
    for event in (st.FORK, st.EXEC, st.EXIT, st.FAILED, st.RENAME):
        for i in bench.find(event):
            if event == st.FORK and bench.records[i]["child"]["pid"] == bench.truth.main.pid:
                continue
            records = bench.records[:i] + bench.records[i + 1:]
            if not bench.judge(copy.deepcopy(records)).counts.get("missing"):
                unseen.append(f"{event} number {i}")
    tap.check(not unseen, "a missing record is missed, whichever it is", unseen)


def test_twice(tap, bench):
    unseen = []
    for event in (st.FORK, st.EXEC, st.EXIT):
        for i in bench.find(event):
            records = bench.records[:i] + [bench.records[i]] + bench.records[i:]
            if not bench.judge(copy.deepcopy(records)).counts.get("twice"):
                unseen.append(f"{event} number {i}")
    for event in (st.FAILED, st.RENAME):
        for i in bench.find(event):
            records = bench.records[:i] + [bench.records[i]] + bench.records[i:]
            if bench.judge(copy.deepcopy(records)).good:
                unseen.append(f"{event} number {i}")
    tap.check(not unseen, "a record that comes twice is seen, whichever it is", unseen)


def test_members(tap, bench):
    """Every member of every record is changed, and left out, in turn."""
    for event in (st.FORK, st.EXEC, st.EXIT):
        unseen = set()
        for i in bench.find(event):
            record = bench.records[i]
            for path in list(leaves(record)):
                for remove in (False, True):
                    if remove and isinstance(path[-1], int):
                        continue
                    line = synth.dump([spoiled(record, path, remove)])[0]
                    if bench.judge_line(i, line).good:
                        unseen.add(".".join(str(p) for p in path if not isinstance(p, int)))

        def judged(name, event=event):
            parts = name.split(".")
            tails = {".".join(parts[n:]) for n in range(len(parts))}
            heads = {".".join(parts[:n + 1]) for n in range(len(parts))}
            return not (tails & NOT_JUDGED_ANYWHERE or heads & NOT_JUDGED[event])

        unseen = sorted(filter(judged, unseen))
        tap.check(not unseen, f"{event}: a change of any member is seen", unseen, 40)


def change(tap, bench, name, event, edit, kind=None, where=lambda r: True):
    """One particular mistake."""
    indices = bench.find(event, where)
    if not indices:
        tap.check(False, name, [f"no {event} to spoil"])
        return
    records = copy.deepcopy(bench.records)
    edit(records, indices[len(indices) // 2])
    report = bench.judge(records)
    good = not report.good and (kind is None or report.counts.get(kind))
    tap.check(good, name, [f"counts: {report.counts}"] + all_texts(report))


def test_mistakes(tap, bench):
    def wrong_parent(records, i):
        child = records[i]["child"]
        child["ppid"] = child["ancestors"][1]["pid"]
        del child["ancestors"][0]

    change(tap, bench, "a wrong parent", st.FORK, wrong_parent, "wrong",
           lambda r: len(r["child"]["ancestors"]) > 1)

    def swapped_ancestors(records, i):
        ancestors = records[i]["process"]["ancestors"]
        ancestors[1], ancestors[2] = ancestors[2], ancestors[1]

    change(tap, bench, "ancestors in another order", st.EXEC, swapped_ancestors, "wrong",
           lambda r: len(r["process"]["ancestors"]) > 2)

    def argv_byte(records, i):
        for obj in (records[i]["process"], records[i]["args"]):
            text = max(obj["argv"], key=len)
            at = len(text) * 2 // 3
            new = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:]
            obj["argv"][obj["argv"].index(text)] = new

    change(tap, bench, "one wrong byte in a huge argument", st.EXEC, argv_byte, "wrong",
           lambda r: max(map(len, r["process"]["argv"])) > 100000)

    def argv_shorter(records, i):
        records[i]["process"]["argv"].pop()

    change(tap, bench, "an argument too few", st.EXEC, argv_shorter, "wrong")

    def empty_arg_lost(records, i):
        for obj in (records[i]["process"], records[i]["args"]):
            at = obj["argv"].index("")
            del obj["argv"][at]
            if "argv_b64" in obj:
                del obj["argv_b64"][at]

    change(tap, bench, "an empty argument is lost", st.EXEC, empty_arg_lost, "wrong",
           lambda r: "" in r["process"]["argv"])

    def invented(records, i):
        exit_ = copy.deepcopy(records[i])
        fork = copy.deepcopy(next(r for r in records if r["event"] == st.FORK))
        for who in (fork["child"], exit_["process"]):
            who.update(pid=31000, start_time=exit_["time"], entity_id=1,
                       exec_id="dm06MTozMTAwMA==")
        fork["time"] = exit_["time"]
        records[i:i] = [fork, exit_]

    change(tap, bench, "an invented process", st.EXIT, invented, "invented")

    def invented_exec(records, i):
        record = copy.deepcopy(records[i])
        record["process"]["exec_id"] = "dm06Nzc6NTAy"
        record["process"]["argv"] = record["args"]["argv"] = ["never"]
        records.insert(i + 1, record)

    change(tap, bench, "an invented exec", st.EXEC, invented_exec, "invented")

    def thread(records, i):
        record = copy.deepcopy(records[i])
        record["child"].update(pid=599, tid=599, start_time=record["time"], entity_id=4711,
                               exec_id="dm06MTo1OTk=")
        records.insert(i + 1, record)

    change(tap, bench, "a thread that is shown as a process", st.FORK, thread, "invented")

    def same_image(records, i):
        before = next(r for r in reversed(records[:i]) if r["event"] == st.EXEC)
        records[i]["process"]["exec_id"] = before["process"]["exec_id"]

    change(tap, bench, "an exec that keeps the exec_id", st.EXEC, same_image, None,
           lambda r: r["process"]["argv"][0] == "two")

    def other_entity(records, i):
        records[i]["process"]["entity_id"] ^= 1

    change(tap, bench, "an entity_id that changes", st.EXIT, other_entity)

    def lost(records, i):
        records.insert(i, {"time": records[i]["time"], "seq": 0, "event": st.LOST, "host": "vm",
                           "args": {"count": 1, "stage": "kernel_ring"}})

    change(tap, bench, "an announced loss", st.EXEC, lost)

    def backwards(records, i):
        records[i], records[i - 1] = records[i - 1], records[i]

    change(tap, bench, "records out of order", st.EXIT, backwards)

    def exited_too_early(records, i):
        records[i]["time"] = records[i]["process"]["start_time"]
        records[i]["args"]["run_time"] = 0
        records.sort(key=lambda r: r["time"])

    change(tap, bench, "an exec before anybody asked for it", st.EXEC, exited_too_early, None,
           lambda r: r["process"]["argv"][0] == "two")


def test_raw_lines(tap, bench):
    good = list(bench.lines)
    for name, spoil_lines in (
            ("a line that is no JSON", lambda lines: lines[:3] + [b"{\"time\":\n"] + lines[3:]),
            ("a line that is cut off", lambda lines: lines[:-1] + [lines[-1][:-20]]),
            ("a gap in seq", lambda lines: lines[:4] + lines[5:]),
            ("no line at all", lambda lines: []),
    ):
        tap.check(not bench.judge(lines=spoil_lines(good)).good, name + " is seen")


def test_snapshot(tap, bench):
    """A sensor that came later: what was there is in its snapshot or has a fork, never both."""
    half = bench.truth.processes[2]
    began = half.execs[0].line["t"] - 1
    limit = bench.truth.wall_minus_boot + began
    records = [r for r in bench.records if st.parse_time(r["time"]) > limit]
    gone = [r for r in bench.records if st.parse_time(r["time"]) <= limit]
    keys = {(r["child"]["pid"], r["child"]["start_time"]) for r in gone if r["event"] == st.FORK}
    keys |= {(r["process"]["pid"], r["process"]["start_time"]) for r in gone
             if r["event"] == st.EXEC}
    bench.options.began = bench.options.ready = began
    bench.options.snapshot = frozenset(keys)
    report = bench.judge(copy.deepcopy(records))
    tap.check(report.good, "a stream that begins in the middle passes with its snapshot",
              all_texts(report))
    both = [i for i, r in enumerate(bench.records) if r["event"] == st.FORK and
            (r["child"]["pid"], r["child"]["start_time"]) in keys][0]
    report = bench.judge(copy.deepcopy([bench.records[both]] + records))
    tap.check(report.counts.get("twice"), "in the snapshot and forked is seen as twice",
              all_texts(report))
    bench.options.snapshot = frozenset(k for k in keys if k[0] != half.pid)
    exitless = [r for r in records if r["process"]["pid"] != half.pid]
    report = bench.judge(copy.deepcopy(exitless))
    tap.check(report.counts.get("missing"), "neither in the snapshot nor forked is seen as missing",
              all_texts(report))
    bench.options.began = bench.options.ready = 0
    bench.options.snapshot = frozenset()


def test_truth_reader(tap):
    lines = small_story()
    no_end = [line for line in lines if not (line["kind"] == "exit" and line["pid"] == 503)]
    tap.check(tr.parse(no_end).broken, "a truth without an end is no truth")
    no_fork = [line for line in lines if not (line["kind"] == "fork" and line["pid"] == 504)]
    tap.check(tr.parse(no_fork).broken, "a truth without a birth is no truth")
    tap.check(st.entity_id(12345, 1755852177635091549) == 0x992827a0 and
              st.entity_id(12345, 1755852177625193969) == 0x992827a0, "entity_id: two known ones")
    ns = 1_795_224_531_516_529_374
    tap.check(st.parse_time(st.format_time(ns)) == ns, "times survive writing and reading")
    for bad in ({"argv": ["a"], "argv_b64": [None, None]},
                {"argv": ["a"], "argv_b64": ["YQ=="]},
                {"argv": ["b"], "argv_b64": ["/2E="]}):
        try:
            st.list_bytes(bad, "argv")
            tap.check(False, f"bytes that disagree: {bad}")
        except ValueError:
            tap.check(True, f"bytes that disagree: {bad}")


def test_real_truth(tap, workload):
    """The same with a truth of the real workload: all of it passes, samples of mistakes don't."""
    with tempfile.TemporaryDirectory() as scratch:
        # Some of its processes are other users'.
        os.chmod(scratch, 0o755)
        path = os.path.join(scratch, "truth.json")
        subprocess.run([workload, "--truth", path, "--dir", scratch], check=True, timeout=300,
                       stdin=subprocess.DEVNULL)
        truth = tr.load(path)
    tap.check(not truth.broken, "the workload's truth is whole",
              [f"{s}: {t}" for s, texts in truth.broken.items() for t in texts])
    bench = Bench(truth, cmp.local_user)
    test_perfect(tap, bench, "real truth")
    rng = random.Random(1)
    unseen = []
    for _ in range(12):
        records = list(bench.records)
        at = rng.randrange(len(records))
        if records[at]["process"]["pid"] == truth.main.pid and records[at]["event"] == st.RENAME:
            continue
        removed = records.pop(at)
        if bench.judge(records).good:
            unseen.append(str(removed)[:300])
    tap.check(not unseen, "real truth: any record left out is missed", unseen)


def main():
    tap = Tap()
    bench = Bench(tr.parse(small_story()), lambda uid: {1001: "somebody"}.get(uid))
    test_perfect(tap, bench, "small truth")
    test_missing(tap, bench)
    test_twice(tap, bench)
    test_members(tap, bench)
    test_mistakes(tap, bench)
    test_raw_lines(tap, bench)
    test_snapshot(tap, bench)
    test_truth_reader(tap)
    workload = os.environ.get("WORKLOAD", "build/tests/live/workload")
    if os.access(workload, os.X_OK):
        test_real_truth(tap, workload)
    else:
        tap.skip("the same with a real truth", f"{workload} is not built")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
