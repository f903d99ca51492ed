# SPDX-License-Identifier: Apache-2.0
"""What a record must say, given the truth: one function per event, a list of differences each.

A difference is a text. Nothing is assumed of the record: an absent member differs as well.
"""

import os.path

import stream as st
from truth import as_bytes

# Start times in the truth have the kernel's tick (10 ms); wall-clock time is made of the boot
# clock plus an offset that may drift a little while the test runs.
START_SLACK = 5_000_000
# A record can't be older or younger than what the truth saw around it; the slack is for drift.
TIME_SLACK = 5_000_000

# Argument of the exec -> member of the truth.
EXEC_ARGS = {
    "inode": "ino", "dev": "dev", "inode_mode": "mode", "nlink": "nlink", "ctime": "ctime",
    "suid": "suid", "sgid": "sgid", "egid": "egid", "fsuid": "euid", "fsgid": "egid",
    "securebits": "securebits", "cap_permitted": "cap_permitted",
    "cap_effective": "cap_effective", "cap_inheritable": "cap_inheritable", "sid": "sid",
    "env_size": "env_size", "cgroup_id": "cgroup_id", "user_ns_level": "user_ns_level",
    "user_ns_uid": "user_ns_owner",
}
NAMESPACES = {
    "uts": "uts_ns", "ipc": "ipc_ns", "mnt": "mnt_ns", "pid": "pid_ns",
    "pid_for_children": "pid_ns_for_children", "net": "net_ns", "time": "time_ns",
    "time_for_children": "time_ns_for_children", "cgroup": "cgroup_ns", "user": "user_ns",
}


def short(value):
    """For a person; the whole of two megabytes helps nobody."""
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:100]}...{text[-40:]} ({len(text)} characters)"


class Differences:
    def __init__(self, event):
        self.event = event
        self.texts = []

    def add(self, text):
        self.texts.append(f"{self.event}: {text}")

    def same(self, name, got, expected):
        if got != expected:
            absent = "is absent" if got is None else f"is {short(got)}"
            self.add(f"{name} {absent}, truth is {short(expected)}")

    def same_bytes(self, name, obj, key, expected):
        try:
            self.same(name, st.text_bytes(obj, key), expected)
        except ValueError as e:
            self.add(f"{name}: {e}")

    def same_list(self, name, obj, key, expected):
        try:
            got = st.list_bytes(obj, key)
        except ValueError as e:
            self.add(f"{name}: {e}")
            return
        if got is None or len(got) != len(expected):
            self.same(name + " (number of items)", got and len(got), len(expected))
            self.same(name, got, expected)
            return
        for i, (g, e) in enumerate(zip(got, expected)):
            if g != e:
                self.same(f"{name}[{i}]", g, e)
                self.difference_of(g, e)
                return

    def difference_of(self, got, expected):
        """Where two long texts part."""
        if len(expected) > 100:
            at = len(os.path.commonprefix([got, expected]))
            self.add(f"  {len(got)} bytes, truth has {len(expected)}; they part at byte {at}")

    def start_time(self, name, text, ticks, truth):
        early = truth.start_of(ticks) - START_SLACK
        late = truth.start_of(ticks + 1) + START_SLACK
        if text is None or not early <= st.parse_time(text) <= late:
            self.add(f"{name} is {text}, truth is {st.format_time(truth.start_of(ticks))} to "
                     f"{st.format_time(truth.start_of(ticks + 1))}")

    def not_after(self, boot_ns, what, truth):
        late = self.event.time - (truth.wall_minus_boot + boot_ns)
        if late > TIME_SLACK:
            self.add(f"its time is {late / 1e6:.1f} ms after {what}")

    def not_before(self, boot_ns, what, truth):
        early = truth.wall_minus_boot + boot_ns - self.event.time
        if early > TIME_SLACK:
            self.add(f"its time is {early / 1e6:.1f} ms before {what}")


def tty_name(tty_nr):
    """The name that the number of /proc/PID/stat stands for; None: no terminal; "?" unknown."""
    major, minor = tty_nr >> 8 & 0xfff, tty_nr & 0xff | tty_nr >> 12 & 0xfff00
    if tty_nr == 0:
        return None
    if 136 <= major <= 143:
        return f"pts{(major - 136) * 256 + minor}"
    if major == 4:
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"
    return "?"


def _ancestors(d, name, who, chain, truth):
    """chain: [[pid, ticks], ...] as the kernel had it, nearest first, up to pid 1."""
    got = who.get("ancestors")
    if got is None:
        d.same(name + ".ancestors", None, chain)
        return
    pids = [a.get("pid") for a in got]
    if pids != [pid for pid, _ in chain]:
        d.same(name + ".ancestors (pids)", pids, [pid for pid, _ in chain])
        return
    for i, (ancestor, (_, ticks)) in enumerate(zip(got, chain)):
        d.start_time(f"{name}.ancestors[{i}].start_time", ancestor.get("start_time"), ticks, truth)


def _common(d, name, who, line, truth, users):
    d.same(name + ".pid", who.get("pid"), line["pid"])
    d.same(name + ".ppid", who.get("ppid"), line["ppid"])
    if "start_ticks" in line:
        d.start_time(name + ".start_time", who.get("start_time"), line["start_ticks"], truth)
    if "comm" in line:
        d.same_bytes(name + ".name", who, "name", as_bytes(line["comm"]))
    # What is above a process is known as of the snapshot: for what was before, it is in doubt.
    if not who.get("parent_missing") or d.event.time >= truth.known_from:
        d.same(name + ".parent_missing", who.get("parent_missing"), False)
    for key in ("ns_pid", "uid", "euid", "gid"):
        if key in line:
            d.same(f"{name}.{key}", who.get(key), line[key])
    if users is not None and "uid" in line:
        d.same(name + ".user", who.get("user"), users(line["uid"]))
    if "tty_nr" in line and tty_name(line["tty_nr"]) != "?":
        d.same(name + ".tty", who.get("tty"), tty_name(line["tty_nr"]))


def _program(d, name, who, image, unread):
    """What it runs. unread: what began before the sensor may have been too far gone to be read;
    but then the record must say that it does not know."""
    if not unread or "exe" in who:
        d.same_bytes(name + ".exe", who, "exe", as_bytes(image.line["exe"]))
    if not unread or who.get("argv") or not who.get("argv_truncated"):
        d.same_list(name + ".argv", who, "argv", image.argv)


def fork(event, process, image, truth, users=None, unread=False):
    """image: the Exec that the creator was running, or None if that is not known."""
    d = Differences(event)
    line, child, actor = process.fork, event.child, event.process
    if line["how"] in ("posix_spawn", "usermode_helper"):
        # Told after its exec, which gave it another name.
        line = {k: v for k, v in line.items() if k != "comm"}
    if line["how"] == "usermode_helper":
        # Which of the kernel's own threads it was, nobody told us.
        line = {k: v for k, v in line.items() if not k.startswith("creator")}
    if "creator" in line:
        d.same("process.pid", actor.get("pid"), line["creator"])
        d.same("args.parent_pid", event.args.get("parent_pid"), line["creator"])
    if "creator_tid" in line:
        d.same("process.tid", actor.get("tid"), line["creator_tid"])
        d.same("args.parent_tid", event.args.get("parent_tid"), line["creator_tid"])
    _common(d, "child", child, line, truth, users)
    d.same("child.tid", child.get("tid"), line["pid"])
    d.same("child.is_exec", child.get("is_exec"), False)
    if "chain" in line:
        _ancestors(d, "child", child, line["chain"], truth)
    if image:
        for name, who in (("process", actor), ("child", child)):
            _program(d, name, who, image, unread)
    d.same("args.parent_process_pid", event.args.get("parent_process_pid"), line["ppid"])
    for arg in ("child_pid", "child_tid", "leader_pid", "leader_tid"):
        d.same("args." + arg, event.args.get(arg), line["pid"])
    d.same("args.start_time", event.args.get("start_time"), child.get("start_time"))
    if "ns_pid" in line:
        d.same("args.child_ns_pid", event.args.get("child_ns_pid"), line["ns_pid"])
        d.not_after(line["t"], "the child told of its birth", truth)
    return d.texts


def _secure_exec(d, image):
    """Only what is beyond doubt: which bits of the file changed the ids of somebody not root."""
    got = d.event.args.get("secure_exec") or []
    line = image.line
    raised = line.get("uid") != 0
    for kind, bit, real, effective in (("setuid", 0o4000, "uid", "euid"),
                                       ("setgid", 0o2000, "gid", "egid")):
        if not line["mode"] & bit and kind in got:
            d.add(f"secure_exec says {kind}, the file has no such bit")
        if line["mode"] & bit and raised and line[real] != line[effective]:
            if kind not in got:
                d.add(f"secure_exec is {got}, {kind} is missing")
            if (line[effective] == 0) != (kind + "_root" in got):
                d.add(f"secure_exec is {got}, the new {effective} is {line[effective]}")
        if line[real] == line[effective] and kind in got:
            d.add(f"secure_exec says {kind}, {real} and {effective} are both {line[real]}")
    if raised and line["euid"] != 0:
        d.same("args.secure_exec has file_caps", "file_caps" in got,
               line["cap_permitted"] != 0 and line["user_ns_level"] == 0)


def _optional(d, name, expected, untold):
    """A path that some kernels don't tell: right or absent, and then it is said."""
    if name in d.event.args or untold is None:
        d.same_bytes("args." + name, d.event.args, name, expected)
    else:
        untold.add(name)


def _script(d, resolved, cmdpath, cwd, untold):
    """Resolved where the kernel has kprobes; else what was asked for, made absolute by its letters,
    and then that is said: it differs only where a link is in the way."""
    lexical = os.path.normpath(os.path.join(cwd, cmdpath))
    told = st.text_bytes(d.event.args, "script_pathname")
    if told == lexical != resolved and untold is not None:
        untold.add("script_pathname through a link")
    else:
        _optional(d, "script_pathname", resolved, untold)


def _exec_args(d, image, untold):
    args, line, tried = d.event.args, image.line, image.tried
    for arg, member in EXEC_ARGS.items():
        if member in line:
            d.same("args." + arg, st.integer(args.get(arg)), line[member])
    for kind, arg in NAMESPACES.items():
        if kind in line.get("ns", {}):
            d.same("args." + arg, args.get(arg), line["ns"][kind])
    d.same_list("args.argv", args, "argv", image.argv)
    d.same("args.argv_size", st.integer(args.get("argv_size")),
           sum(len(a) + 1 for a in image.argv))
    d.same_bytes("args.pathname", args, "pathname", as_bytes(line["exe"]))
    if "cwd" in line:
        d.same_bytes("args.pwd", args, "pwd", as_bytes(line["cwd"]))
    if "env" in line:
        d.same_list("args.env", args, "env", [as_bytes(e) for e in line["env"]])
    if "loginuid" in line:
        unset = line["loginuid"] == 0xFFFFFFFF
        d.same("args.loginuid", args.get("loginuid"), None if unset else line["loginuid"])
    if "cgroup" in line:
        name = line["cgroup"].rpartition("/")[2]
        d.same("args.cgroup_name", args.get("cgroup_name"), name or None)
    d.same("args.truncated", args.get("truncated"), None)
    if "stdin_mode" in line:
        d.same("args.stdin_type", args.get("stdin_type"), line["stdin_mode"] & 0o170000)
        path = as_bytes(line["stdin"])
        if path.startswith(b"/") and not path.endswith(b"(deleted)"):
            d.same_bytes("args.stdin_path", args, "stdin_path", path)
    if "interpreter" in line:
        _optional(d, "interpreter_pathname", as_bytes(line["interpreter"]), untold)
    else:
        d.same("args.interpreter_pathname", args.get("interpreter_pathname"), None)
    if "mode" in line:
        _secure_exec(d, image)
    if tried:
        cmdpath = as_bytes(tried["cmdpath"])
        d.same_bytes("args.cmdpath", args, "cmdpath", cmdpath)
        # A thread has a name of its own; which of the two is meant is left open.
        if tried["tid"] == tried["pid"]:
            d.same_bytes("args.prev_comm", args, "prev_comm", as_bytes(tried["comm"]))
        if "script" in tried:
            _script(d, as_bytes(tried["script"]), cmdpath, as_bytes(line["cwd"]), untold)
        else:
            d.same("args.script_pathname", args.get("script_pathname"), None)
            d.same_bytes("args.interp", args, "interp", cmdpath)
    d.same("args.invoked_from_kernel", args.get("invoked_from_kernel"),
           bool(line.get("from_kernel")))


def exec_(event, image, truth, users=None, untold=None):
    """untold: a set that takes the names of optional members that are absent; without it they
    must be there."""
    d = Differences(event)
    line, who = image.line, event.process
    _common(d, "process", who, line, truth, users)
    d.same("process.tid", who.get("tid"), line["pid"])
    d.same("process.is_exec", who.get("is_exec"), True)
    d.same("process.argv_truncated", who.get("argv_truncated"), False)
    d.same_bytes("process.exe", who, "exe", as_bytes(line["exe"]))
    d.same_list("process.argv", who, "argv", image.argv)
    if "cwd" in line:
        d.same_bytes("process.cwd", who, "cwd", as_bytes(line["cwd"]))
    if "cwd_deleted" in line:
        d.same("process.cwd_deleted", who.get("cwd_deleted", False), line["cwd_deleted"])
    if "exe_deleted" in line:
        d.same("process.exe_deleted", who.get("exe_deleted", False), line["exe_deleted"])
    _ancestors(d, "process", who, line["chain"], truth)
    _exec_args(d, image, untold)
    d.not_after(line["t"], "the image told of itself", truth)
    if image.tried:
        d.not_before(image.tried["t"], "the exec was tried", truth)
    return d.texts


def exit_(event, process, image, truth, unread=False):
    """image: the Exec that ended, None if that is not known."""
    d = Differences(event)
    line, who, args = process.exit, event.process, event.args
    if who.get("tid") != who.get("pid"):
        # The last thread may have a name of its own.
        line = {k: v for k, v in line.items() if k != "comm"}
    # A session leader loses its terminal while it ends: either answer is right.
    line = {k: v for k, v in line.items() if k != "tty_nr" or v}
    _common(d, "process", who, line, truth, None)
    for arg, member in (("exit_code", "code"), ("signal_code", "signal"),
                        ("core_dumped", "core")):
        d.same("args." + arg, args.get(arg), line[member])
    d.same("args.process_group_exit", args.get("process_group_exit"), True)
    if image:
        _program(d, "process", who, image, unread)
    lived = event.time - st.parse_time(who["start_time"])
    run_time = st.integer(args.get("run_time"))
    if run_time is None or abs(run_time - lived) > 1_000_000:
        d.add(f"args.run_time is {run_time}, from its start to its end it was {lived}")
    ancestors = who.get("ancestors") or [{}]
    d.same("process.ancestors[0].pid", ancestors[0].get("pid"), line["ppid"])
    d.same("process.ancestors[-1].pid", ancestors[-1].get("pid"), process.top)
    if process.leaving:
        d.not_before(process.leaving["t"], "it was still there", truth)
    if line["by"] == "self":
        d.not_before(line["t"], "it told of its end", truth)
    else:
        d.not_after(line["t"], "its end was told of", truth)
    return d.texts


def exec_failed(event, line):
    d = Differences(event)
    d.same("process.pid", event.process.get("pid"), line["pid"])
    d.same("process.tid", event.process.get("tid"), line["tid"])
    d.same("args.returnValue", st.integer(event.args.get("returnValue")), -line["errno"])
    d.same("args.error", event.args.get("error"), line["error"])
    # What an execveat was given is not what the kernel makes of it.
    if not as_bytes(line["cmdpath"]).startswith(b"/dev/fd/"):
        d.same_bytes("args.pathname", event.args, "pathname", as_bytes(line["cmdpath"]))
    if "argv" in line:
        d.same_list("args.argv", event.args, "argv", [as_bytes(a) for a in line["argv"]])
    return d.texts


def rename(event, line):
    d = Differences(event)
    d.same("process.pid", event.process.get("pid"), line["pid"])
    d.same("process.tid", event.process.get("tid"), line["tid"])
    d.same_bytes("args.old_name", event.args, "old_name", as_bytes(line["old"]))
    d.same_bytes("args.new_name", event.args, "new_name", as_bytes(line["new"]))
    return d.texts
