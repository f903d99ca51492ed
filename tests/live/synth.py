# SPDX-License-Identifier: Apache-2.0
"""Makes the records that a perfect sensor would write, from a truth: to test the comparison.

It shares no code with the comparison's judgement (fields.py): what that demands is written down
a second time here, from the other side.
"""

import base64
import json

import stream as st
from fields import tty_name
from truth import as_bytes


def put_text(obj, name, data):
    try:
        obj[name] = data.decode()
    except UnicodeDecodeError:
        obj[name] = data.decode(errors="replace")
        obj[name + "_b64"] = base64.b64encode(data).decode()


def put_list(obj, name, items):
    texts, exact = [], []
    for data in items:
        one = {}
        put_text(one, "x", data)
        texts.append(one["x"])
        exact.append(one.get("x_b64"))
    obj[name] = texts
    if any(e is not None for e in exact):
        obj[name + "_b64"] = exact


class Synth:
    def __init__(self, truth):
        self.truth = truth
        self.starts = {}
        self.entities = {}
        self.taken = set()
        self.records = []
        self.by_pid = {}
        for process in truth.processes:
            self.by_pid.setdefault(process.pid, []).append(process)

    def make(self):
        for process in self.truth.processes:
            self.process(process)
        self.records.sort(key=lambda r: r[0])
        for seq, (_, record) in enumerate(self.records, 1):
            record["seq"] = seq
        return [record for _, record in self.records]

    # ---- who is who ----

    def start(self, process):
        """Within its tick; two processes of one pid in one tick are told apart."""
        if id(process) not in self.starts:
            ticks = process.start_ticks
            base = self.truth.start_of(ticks) if ticks is not None else self.wall(process.fork["t"])
            taken = sum(p.start_ticks == ticks for p in self.by_pid[process.pid]
                        if id(p) in self.starts)
            self.starts[id(process)] = base + 1_000 * taken
        return self.starts[id(process)]

    def wall(self, boot_ns):
        return self.truth.wall_minus_boot + boot_ns

    def exec_id(self, process, image=None):
        boot = image.line["t"] if image else self.start(process) - self.truth.wall_minus_boot
        return base64.b64encode(f"vm:{boot}:{process.pid}".encode()).decode()

    def creator_image(self, process):
        """(whose, Exec or None): what the creator ran; None is its image of birth."""
        number = process.fork["creator_image"]
        own = next((e for e in process.creator.execs if e.image == number), None)
        return own

    def program(self, process):
        """The Exec whose program a process runs from its birth."""
        while process and process.fork:
            number = process.fork["creator_image"]
            process = process.creator
            for image in process.execs if process else []:
                if image.image == number:
                    return image
        return None

    def image_at(self, process, t):
        return next((e for e in reversed(process.execs) if e.line["t"] <= t), None)

    def known(self, pid, ticks, t):
        """A pid may be used again within a tick: the last one born by then."""
        born = [p for p in self.by_pid.get(pid, []) if p.start_ticks == ticks and
                (p.fork or p.execs[0].line)["t"] <= t]
        return born[-1] if born else None

    def entity_id(self, pid, start):
        key = (pid, start)
        if key not in self.entities:
            ident = st.entity_id(pid, start)
            while ident in self.taken:
                ident += 1
            self.taken.add(ident)
            self.entities[key] = ident
        return self.entities[key]

    def ancestors(self, process, chain, t):
        out = []
        below = process
        for pid, ticks in chain:
            person = self.known(pid, ticks, t)
            one = {"pid": pid}
            if person:
                if below is not None and below.fork and below.creator is person:
                    image = self.creator_image(below)
                else:
                    image = self.image_at(person, t)
                shown = image or self.program(person)
                one["entity_id"] = self.entity_id(pid, self.start(person))
                one["exec_id"] = self.exec_id(person, image)
                one["start_time"] = st.format_time(self.start(person))
                if shown:
                    put_text(one, "exe", as_bytes(shown.line["exe"]))
                one["name"] = "x"
            else:
                start = self.truth.start_of(ticks) + 1_000_000
                one["entity_id"] = self.entity_id(pid, start)
                one["exec_id"] = base64.b64encode(f"vm:{ticks}:{pid}".encode()).decode()
                one["start_time"] = st.format_time(start)
                one.update(exe="/outside", name="outside")
            out.append(one)
            below = person
        return out

    def person(self, process, line, image, own_image, chain, users=None):
        """image: whose program it shows; own_image: the Exec of its own, or None."""
        who = {
            "entity_id": self.entity_id(process.pid, self.start(process)),
            "exec_id": self.exec_id(process, own_image),
            "pid": process.pid, "tid": process.pid, "ns_pid": line.get("ns_pid", process.pid),
            "ppid": line["ppid"],
        }
        put_text(who, "name", as_bytes(line.get("comm", "x")))
        if image:
            put_text(who, "exe", as_bytes(image.line["exe"]))
            put_list(who, "argv", image.argv)
            put_text(who, "cwd", as_bytes(image.line.get("cwd", "/")))
        who["argv_truncated"] = False
        for key in ("uid", "gid", "euid"):
            who[key] = line.get(key, 0)
        name = users(who["uid"]) if users else None
        if name:
            who["user"] = name
        who["start_time"] = st.format_time(self.start(process))
        who["is_exec"] = own_image is not None
        who["parent_missing"] = False
        tty = tty_name(line.get("tty_nr", 0))
        if tty:
            who["tty"] = tty
        who["ancestors"] = self.ancestors(process, chain, line["t"])
        return who

    def record(self, time, event, process, args, child=None):
        record = {"time": st.format_time(time), "seq": 0, "event": event, "host": "vm",
                  "process": process}
        if child:
            record["child"] = child
        record["args"] = args
        self.records.append((time, record))

    # ---- the records of one process ----

    users = None

    def process(self, p):
        if p.fork:
            self.fork(p)
        for line in p.failed:
            self.failed(p, line)
        for line in p.renames:
            args = {}
            put_text(args, "old_name", as_bytes(line["old"]))
            put_text(args, "new_name", as_bytes(line["new"]))
            who = self.acting(p, line)
            self.record(self.wall(line["t"]), st.RENAME, who, args)
        for image in p.execs:
            self.exec_(p, image)
        if p.exit:
            self.exit_(p)

    def acting(self, p, line):
        own = self.image_at(p, line["t"])
        chain = p.fork["chain"] if p.fork and "chain" in p.fork else []
        base = dict(p.fork or p.execs[0].line, t=line["t"])
        who = self.person(p, base, own or self.program(p), own, chain, self.users)
        who["tid"] = line["tid"]
        return who

    def failed(self, p, line):
        args = {"returnValue": -line["errno"], "error": line["error"]}
        put_text(args, "pathname", as_bytes(line["cmdpath"]))
        if "argv" in line:
            put_list(args, "argv", [as_bytes(a) for a in line["argv"]])
        self.record(self.wall(line["t"]), st.FAILED, self.acting(p, line), args)

    def fork(self, p):
        line = p.fork
        chain = line.get("chain") or [[c, t] for c, t in self.chain_of(p.creator)]
        image = self.program(p)
        child = self.person(p, dict(line, tty_nr=line.get("tty_nr", 0)), image, None, chain,
                            self.users)
        if p.creator:
            own = self.creator_image(p)
            base = dict(p.creator.fork or p.creator.execs[0].line, t=line["t"])
            actor = self.person(p.creator, base, own or self.program(p.creator), own,
                                base.get("chain", []), self.users)
            actor["tid"] = line.get("creator_tid", line["creator"])
        else:
            # The kernel, of a user-mode helper.
            actor = dict(child["ancestors"][0], tid=9, ancestors=[])
        args = {
            "parent_tid": actor["tid"], "parent_pid": actor["pid"],
            "parent_process_pid": line["ppid"], "start_time": child["start_time"],
            "child_ns_pid": line.get("ns_pid", p.pid),
        }
        for name in ("child_pid", "child_tid", "leader_pid", "leader_tid"):
            args[name] = p.pid
        self.record(self.wall(line["t"]), st.FORK, actor, args, child)

    def chain_of(self, p):
        yield p.pid, p.start_ticks
        line = p.fork or p.execs[0].line
        yield from line.get("chain", [])

    def exec_(self, p, image):
        line, tried = image.line, image.tried
        who = self.person(p, line, image, image, line["chain"], self.users)
        if line.get("cwd_deleted"):
            who["cwd_deleted"] = True
        if line.get("exe_deleted"):
            who["exe_deleted"] = True
        args = {}
        put_text(args, "pathname", as_bytes(line["exe"]))
        put_list(args, "argv", image.argv)
        args["argv_size"] = sum(len(a) + 1 for a in image.argv)
        if "cwd" in line:
            put_text(args, "pwd", as_bytes(line["cwd"]))
        if "env" in line:
            put_list(args, "env", [as_bytes(e) for e in line["env"]])
        if "interpreter" in line:
            args["interpreter_pathname"] = line["interpreter"]
        args["invoked_from_kernel"] = p.how == "usermode_helper"
        self.exec_numbers(args, line)
        if tried:
            put_text(args, "cmdpath", as_bytes(tried["cmdpath"]))
            put_text(args, "interp", as_bytes(tried["cmdpath"]))
            put_text(args, "prev_comm", as_bytes(tried["comm"]))
            if "script" in tried:
                put_text(args, "script_pathname", as_bytes(tried["script"]))
        raised = self.secure_exec(line)
        if raised:
            args["secure_exec"] = raised
        self.record(self.wall(line["t"]), st.EXEC, who, args)

    @staticmethod
    def exec_numbers(args, line):
        same = ("dev", "nlink", "ctime", "suid", "sgid", "egid", "securebits", "cap_permitted",
                "cap_effective", "cap_inheritable", "sid", "env_size", "cgroup_id",
                "user_ns_level")
        other = {"ino": "inode", "mode": "inode_mode", "user_ns_owner": "user_ns_uid",
                 "euid": "fsuid"}
        for name in same:
            if name in line:
                value = line[name]
                args[name] = str(value) if value > 1 << 53 else value
        for name, arg in other.items():
            if name in line:
                args[arg] = line[name]
        if "egid" in line:
            args["fsgid"] = line["egid"]
        for kind, inode in line.get("ns", {}).items():
            kind, _, rest = kind.partition("_")
            args[f"{kind}_ns" + ("_" + rest if rest else "")] = inode
        if line.get("loginuid", 0xffffffff) != 0xffffffff:
            args["loginuid"] = line["loginuid"]
        if "cgroup" in line and line["cgroup"] != "/":
            args["cgroup_name"] = line["cgroup"].split("/")[-1]
        if "stdin_mode" in line:
            args["stdin_type"] = line["stdin_mode"] & 0o170000
            put_text(args, "stdin_path", as_bytes(line["stdin"]))

    @staticmethod
    def secure_exec(line):
        out = []
        if "mode" not in line or line["uid"] == 0:
            return out
        if line["mode"] & 0o4000 and line["euid"] != line["uid"]:
            out += ["setuid"] + ["setuid_root"] * (line["euid"] == 0)
        if line["mode"] & 0o2000 and line["egid"] != line["gid"]:
            out += ["setgid"] + ["setgid_root"] * (line["egid"] == 0)
        if line["cap_permitted"] and line["euid"] and not line["user_ns_level"]:
            out.append("file_caps")
        return out

    def exit_(self, p):
        line = p.exit
        own = p.execs[-1] if p.execs else None
        reaper = self.by_pid.get(line["ppid"], [None])[-1]
        chain = [[1, 10]]
        if reaper:
            chain = list(self.chain_of(reaper))
        elif own and own.line["chain"] and own.line["chain"][0][0] == line["ppid"]:
            chain = own.line["chain"]
        elif p.top != 1:
            chain = [[p.top, 0]]
        base = dict(p.fork or {}, **line)
        who = self.person(p, base, own or self.program(p), own, chain, self.users)
        time = self.wall(line["t"])
        args = {"exit_code": line["code"], "signal_code": line["signal"],
                "core_dumped": line["core"], "process_group_exit": True,
                "run_time": time - self.start(p)}
        self.record(time, st.EXIT, who, args)


def make(truth, users=None):
    synth = Synth(truth)
    synth.users = users
    return synth.make()


def dump(records):
    return [json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in records]
