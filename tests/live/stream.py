# SPDX-License-Identifier: Apache-2.0
"""Reads the JSON lines of tarsier, and checks what must hold of any stream, whatever happened.

Nothing here knows of the workload: well-formed lines, numbers and times that go up, ids that are
unique and stay with their process, exact bytes where a text is not UTF-8, no loss.
"""

import base64
import binascii
import calendar
import functools
import json
import time
from dataclasses import dataclass, field

FORK = "sched_process_fork"
EXEC = "sched_process_exec"
EXIT = "sched_process_exit"
FAILED = "process_execute_failed"
RENAME = "task_rename"
LOST = "lost_events"

_seconds = {}


def parse_time(text):
    """RFC 3339 with nanoseconds -> ns since the epoch."""
    head, _, rest = text.partition(".")
    if not rest.endswith("Z") or len(rest) != 10:
        raise ValueError(f"not a time with nanoseconds in UTC: {text!r}")
    seconds = _seconds.get(head)
    if seconds is None:
        seconds = calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S"))
        _seconds[head] = seconds
    return seconds * 1_000_000_000 + int(rest[:9])


def format_time(ns):
    seconds, fraction = divmod(ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09d}Z"


def integer(value):
    """Integers above 2^53 are strings."""
    if isinstance(value, str):
        return int(value)
    return value


def text_bytes(obj, name):
    """The exact bytes of a member; None if it is absent. ValueError if the two forms disagree."""
    if name not in obj:
        if name + "_b64" in obj:
            raise ValueError(f"{name}_b64 without {name}")
        return None
    return _exact(obj[name], obj.get(name + "_b64"), name)


def list_bytes(obj, name):
    if name not in obj:
        return None
    texts = obj[name]
    exact = obj.get(name + "_b64")
    if exact is None:
        return [t.encode() for t in texts]
    if len(exact) != len(texts):
        raise ValueError(f"{name}_b64 has {len(exact)} items, {name} has {len(texts)}")
    if all(e is None for e in exact):
        raise ValueError(f"{name}_b64 says nothing")
    return [_exact(t, e, f"{name}[{i}]") for i, (t, e) in enumerate(zip(texts, exact))]


def _exact(text, b64, name):
    if b64 is None:
        return text.encode()
    data = base64.b64decode(b64, validate=True)
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        raise ValueError(f"{name}_b64 is given though its bytes are valid UTF-8")
    # How many U+FFFD stand for a bad sequence is a matter of taste; that one stands there is not.
    plain = text.replace("\ufffd", "")
    if "\ufffd" not in text or plain != data.decode(errors="replace").replace("\ufffd", ""):
        raise ValueError(f"{name} and {name}_b64 disagree")
    return data


def murmur3_32(data, seed):
    mask = 0xFFFFFFFF
    h = seed
    for at in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[at:at + 4], "little") * 0xCC9E2D51 & mask
        k = (k << 15 | k >> 17) & mask
        h ^= k * 0x1B873593 & mask
        h = (h << 13 | h >> 19) & mask
        h = (h * 5 + 0xE6546B64) & mask
    h ^= len(data)
    h ^= h >> 16
    h = h * 0x85EBCA6B & mask
    h ^= h >> 13
    h = h * 0xC2B2AE35 & mask
    return h ^ h >> 16


@functools.lru_cache(maxsize=1 << 16)
def entity_id(pid, start_ns):
    """The specified id: of host pid and start time, floored to 100 ms, both big-endian."""
    floored = start_ns - start_ns % 100_000_000
    return murmur3_32(pid.to_bytes(4, "big") + floored.to_bytes(8, "big"), 0x18273645)


@dataclass
class Event:
    line: int
    raw: dict
    time: int
    name: str
    process: dict | None
    child: dict | None
    args: dict
    problems: list = field(default_factory=list)

    def key(self):
        """Whose event it is: of a fork the child's."""
        who = self.child if self.name == FORK else self.process
        return who["pid"], who["start_time"]

    def __str__(self):
        return f"event {self.raw.get('seq')} (line {self.line}, {self.name})"


@dataclass
class Stream:
    events: list = field(default_factory=list)
    # What is wrong with the stream itself, as texts.
    problems: list = field(default_factory=list)
    lost: list = field(default_factory=list)


def _check_identity(who):
    """What everything else needs must be there at all."""
    parse_time(who["start_time"])
    for key, kind in (("pid", int), ("entity_id", int), ("exec_id", str)):
        if not isinstance(who[key], kind):
            raise ValueError(f"{key} is {who[key]!r}")


def _load_line(number, raw, stream):
    try:
        obj = json.loads(raw)
        event = Event(number, obj, parse_time(obj["time"]), obj["event"], obj.get("process"),
                      obj.get("child"), obj.get("args", {}))
        for person in (event.process, event.child):
            if person is not None:
                for who in [person] + person["ancestors"]:
                    _check_identity(who)
        if event.name in (FORK, EXEC, EXIT, FAILED, RENAME) and event.process is None:
            raise ValueError("no process")
        if event.name == FORK and event.child is None:
            raise ValueError("a fork without a child")
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        text = raw[:120].decode(errors="replace")
        stream.problems.append(f"line {number} is not a record: {e!r}: {text}")
        return None
    return event


def parse(raw_lines):
    """raw_lines: an iterable of bytes, one record each."""
    stream = Stream()
    last_seq = None
    last_time = 0
    for number, raw in enumerate(raw_lines, 1):
        if not raw.endswith(b"\n"):
            stream.problems.append(f"line {number} is not complete")
        event = _load_line(number, raw, stream)
        if event is None:
            continue
        seq = integer(event.raw.get("seq"))
        if last_seq is not None and seq != last_seq + 1:
            stream.problems.append(f"line {number}: seq {seq} after {last_seq}")
        last_seq = seq
        if event.name == LOST:
            stream.lost.append(event)
            continue
        if event.time < last_time:
            stream.problems.append(f"line {number}: {event.name} is {last_time - event.time} ns "
                                   "older than the record before it")
        last_time = max(last_time, event.time)
        stream.events.append(event)
    return stream


def load(path):
    with open(path, "rb") as f:
        return parse(f)


def lost_count(stream):
    return sum(integer(e.args.get("count", 1)) for e in stream.lost)


def boot_start(who):
    """The boot-clock time (ns) in an exec_id; None if there is none."""
    try:
        return int(base64.b64decode(who["exec_id"], validate=True).decode().rsplit(":", 2)[1])
    except (ValueError, IndexError):
        return None


def clock_offset(stream):
    """How far the sensor's wall clock was from the boot clock, and which forks contradict that.

    Of a process that was just forked the image is as old as the process: once the age is told in
    wall-clock time (start_time), once in boot-clock time (in exec_id).
    """
    offsets = {}
    for event in stream.events:
        if event.name == FORK and boot_start(event.child) is not None:
            offset = parse_time(event.child["start_time"]) - boot_start(event.child)
            offsets.setdefault(offset, []).append(event)
    if not offsets:
        return None, []
    most = max(offsets, key=lambda o: len(offsets[o]))
    return most, [f"{e}: start_time and exec_id of the child are {o - most} ns apart"
                  for o, events in offsets.items() if o != most for e in events]


def identity_problems(stream):
    """entity_id belongs to one (pid, start), exec_id to one image, both as specified."""
    problems = []
    owner = {}
    entity = {}
    images = {}
    for event in stream.events:
        people = [event.process, event.child] + event.process.get("ancestors", [])
        for who in people:
            if who is None:
                continue
            pid, start = who["pid"], who["start_time"]
            ident = who["entity_id"]
            if owner.setdefault(ident, (pid, start)) != (pid, start):
                problems.append(f"{event}: entity_id {ident} is of {owner[ident]} and of "
                                f"{(pid, start)}")
            if entity.setdefault((pid, start), ident) != ident:
                problems.append(f"{event}: pid {pid} of {start} has entity_id "
                                f"{entity[(pid, start)]} and {ident}")
            if images.setdefault(who["exec_id"], (pid, start)) != (pid, start):
                problems.append(f"{event}: exec_id {who['exec_id']} is of "
                                f"{images[who['exec_id']]} and of {(pid, start)}")
    taken = set(owner)
    for (pid, start), ident in entity.items():
        # The kernel's tick is a matter of 10 ms: /proc knows the start of a process no better, and
        # both must give the same id.
        ns = parse_time(start)
        specified = {entity_id(pid, ns), entity_id(pid, ns - 10_000_000)}
        # One whose id was taken already has another one.
        if ident not in specified and not specified & taken:
            problems.append(f"entity_id of pid {pid} of {start} is {ident}, specified is "
                            f"{' or '.join(map(str, specified))}")
    for exec_id, (pid, _) in images.items():
        try:
            host, start, of = base64.b64decode(exec_id, validate=True).decode().rsplit(":", 2)
            good = bool(host) and int(start) >= 0 and int(of) == pid
        except (ValueError, binascii.Error):
            good = False
        if not good:
            problems.append(f"exec_id {exec_id} of pid {pid} is not base64 of host:start:pid")
    return problems
