# SPDX-License-Identifier: Apache-2.0
"""Records as Tarsier writes them, written by hand from the design: the schema must take them all.

For each event the fullest record (every optional field there), and where something can be absent
also the smallest one.
"""

import copy

TIME = "2026-11-21T01:42:04.123456789Z"
EXEC_ID = "dm06MTIzNDU2Nzg5OjQyNDI="

ANCESTOR = {
    "entity_id": 3735928559, "exec_id": EXEC_ID, "pid": 1, "name": "systemd",
    "exe": "/usr/lib/systemd/systemd", "start_time": TIME,
}

SMALL_PROCESS = {
    "entity_id": 0, "exec_id": EXEC_ID, "pid": 4242, "tid": 4243, "ns_pid": 7, "ppid": 1,
    "name": "ls", "argv": [], "argv_truncated": False, "uid": 0, "gid": 4294967295, "euid": 1000,
    "start_time": TIME, "is_exec": True, "parent_missing": False, "ancestors": [],
}

FULL_PROCESS = SMALL_PROCESS | {
    "exe": "/usr/bin/ls", "exe_deleted": True, "argv": ["ls", "-l", ""], "argv_truncated": True,
    "cwd": "/root", "cwd_deleted": True, "user": "root", "tty": "pts0",
    "ancestors": [ANCESTOR, {k: v for k, v in ANCESTOR.items() if k != "exe"}],
}

CONTAINER = {"id": "3f4e", "name": "web", "image": "nginx:1", "runtime": "podman"}

FORK_ARGS = {
    "parent_tid": 4243, "parent_ns_tid": 8, "parent_pid": 4242, "parent_ns_pid": 7,
    "parent_start_time": TIME, "child_tid": 4300, "child_ns_tid": 1, "child_pid": 4300,
    "child_ns_pid": 1, "start_time": TIME, "parent_process_tid": 4242, "parent_process_ns_tid": 7,
    "parent_process_pid": 4242, "parent_process_ns_pid": 7, "parent_process_start_time": TIME,
    "leader_tid": 4300, "leader_ns_tid": 1, "leader_pid": 4300, "leader_ns_pid": 1,
    "leader_start_time": TIME,
}

SMALL_EXEC_ARGS = {
    "cmdpath": "./run", "pathname": "/usr/bin/dash", "dev": 65025, "inode": 131072,
    "ctime": "1763688124123456789", "inode_mode": 33261, "argv": ["/bin/sh", "./run"],
    "interp": "/bin/sh", "invoked_from_kernel": False, "prev_comm": "bash", "nlink": 1,
    "suid": 0, "sgid": 0, "fsuid": 0, "fsgid": 0, "egid": 0, "securebits": 0,
    "cap_permitted": 2199023255551, "cap_effective": "18446744073709551615",
    "cap_inheritable": 9007199254740992, "sid": 4000, "cgroup_id": 1, "uts_ns": 4026531838,
    "ipc_ns": 4026531839, "mnt_ns": 4026531841, "pid_ns": 4026531836,
    "pid_ns_for_children": 4026531836, "net_ns": 4026531840, "cgroup_ns": 4026531835,
    "user_ns": 4026531837, "user_ns_level": 0, "user_ns_uid": 0, "user_ns_gid": 0, "argv_size": 14,
    "env_size": 0,
}

FULL_EXEC_ARGS = SMALL_EXEC_ARGS | {
    "interpreter_pathname": "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "interpreter_dev": 65025, "interpreter_inode": 9007199254740992, "interpreter_ctime": 0,
    "stdin_type": 8192, "stdin_path": "/dev/null", "env": ["HOME", "PATH"], "pwd": "/root",
    "script_pathname": "/root/run",
    "secure_exec": ["setuid", "setgid", "file_caps", "setuid_root", "setgid_root"],
    "loginuid": 1000, "cgroup_name": "session-1.scope", "time_ns": 4026531834,
    "time_ns_for_children": 4026531834, "truncated": ["argv"],
}

EXIT_ARGS = {
    "exit_code": 0, "signal_code": 11, "process_group_exit": True, "core_dumped": True,
    "run_time": 9007199254740992,
}

SMALL_FAILED_ARGS = {"dirfd": -100, "flags": 0, "kernel_invoked": 0, "returnValue": -14}

FULL_FAILED_ARGS = SMALL_FAILED_ARGS | {
    "pathname": "tool", "binary.path": "/usr/bin/tool", "binary.device_id": 65025,
    "binary.inode_number": 77, "binary.ctime": "1763688124123456789", "binary.inode_mode": 33261,
    "interpreter_path": "/no/such/interpreter", "stdin_type": 4096, "stdin_path": "pipe:[123]",
    "argv": ["tool"], "envp": [], "error": "ENOENT", "truncated": ["argv", "envp"],
    "script_pathname": "/usr/bin/tool", "returnValue": "-9223372036854775808",
}

LOST_ARGS = {"count": 17, "stage": "kernel_ring", "from": TIME, "to": TIME}


def record(event, args, **parts):
    base = {"time": TIME, "seq": 17, "event": event, "host": "vm"}
    return copy.deepcopy(base | parts | {"args": args})


def full():
    """Per event a record in which nothing is absent that can be there."""
    both = {"process": FULL_PROCESS, "container": CONTAINER}
    return {
        "sched_process_fork": record("sched_process_fork", FORK_ARGS, child=FULL_PROCESS, **both),
        "sched_process_exec": record("sched_process_exec", FULL_EXEC_ARGS, **both),
        "sched_process_exit": record("sched_process_exit", EXIT_ARGS, **both),
        "process_execute_failed": record("process_execute_failed", FULL_FAILED_ARGS, **both),
        "task_rename": record("task_rename", {"old_name": "a", "new_name": ""}, **both),
        "lost_events": record("lost_events", LOST_ARGS | {
            "type": "sched_process_exec", "reason": "ENOSPC"}),
    }


def small():
    """Records in which everything is absent that can be."""
    return {
        "sched_process_fork": record("sched_process_fork", FORK_ARGS, process=SMALL_PROCESS,
                                     child=SMALL_PROCESS),
        "sched_process_exec": record("sched_process_exec", SMALL_EXEC_ARGS, process=SMALL_PROCESS),
        "process_execute_failed": record("process_execute_failed", SMALL_FAILED_ARGS,
                                         process=SMALL_PROCESS),
        "lost_events": record("lost_events", LOST_ARGS),
    }


def with_bytes():
    """An exec whose strings are not valid UTF-8: the exact bytes stand beside them."""
    process = FULL_PROCESS | {"argv": ["ls", "\ufffd"], "argv_b64": [None, "/w=="],
                              "exe": "/\ufffd\ufffd", "exe_b64": "L//+"}
    args = FULL_EXEC_ARGS | {"argv": ["ls", "\ufffd"], "argv_b64": [None, "/w=="],
                             "cmdpath": "\ufffd", "cmdpath_b64": "/w=="}
    return record("sched_process_exec", args, process=process)
