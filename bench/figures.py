# SPDX-License-Identifier: Apache-2.0
"""Taking the figures. Each function measures one section and returns plain data (for --json);
nothing here prints but the progress on stderr, and nothing here judges."""

import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import proc
from agents import AgentError, parse_summary, which
from workload import Expected, compare, count_json

SETTLE = 0.3  # seconds between an agent's readiness and the clock: let its start's wake die down


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values) if values else None


def storms(agents, workload, scratch, options):
    """Rounds of all storms under every agent, the order rotated by one from round to round."""
    kinds = workload.storms(options)
    times = {a.name: {key: [] for key, *_ in kinds} for a in agents}
    losses = {a.name: [] for a in agents}
    cpu = {a.name: {key: [] for key, *_ in kinds} for a in agents}
    agent_cpu = {a.name: {key: [] for key, *_ in kinds} for a in agents}
    failed = {}
    steal = proc.steal_seconds()
    began = time.monotonic()

    # Caches, page tables and the processor's clock should be in the same state for all.
    for _, number, how, args in kinds[:2]:
        workload.run(*args, spawn_how=how)
    for number in range(options.rounds):
        turn = number % len(agents)
        for agent in agents[turn:] + agents[:turn]:
            if agent.name in failed:
                continue
            progress(f"storms: round {number + 1} of {options.rounds}: {agent.label}")
            try:
                cell = storm_cell(agent, workload, scratch, options)
            except AgentError as e:
                failed[agent.name] = str(e)
                continue
            for key, *_ in kinds:
                times[agent.name][key].append(median(cell["times"][key]))
                cpu[agent.name][key].append(median(cell["cpu"][key]))
                agent_cpu[agent.name][key].append(median(cell["agent_cpu"][key]))
            if cell["losses"]:
                losses[agent.name].append(cell["losses"])
    progress("")
    wall = time.monotonic() - began
    return {
        "rounds": options.rounds,
        "repeat": options.repeat,
        "programs": {key: number for key, number, *_ in kinds},
        "times": times,
        "losses": losses,
        "cpu": cpu,
        "agent_cpu": agent_cpu,
        "failed": failed,
        "steal": (proc.steal_seconds() - steal) / (wall * os.cpu_count()),
    }


def storm_cell(agent, workload, scratch, options):
    """All storms under one agent, each several times: by kind, their times, their own CPU time and
    the agent's, in seconds; and the agent's losses over all (None of no agent)."""
    expected = Expected()
    kinds = workload.storms(options)
    cell = {what: {key: [] for key, *_ in kinds} for what in ("times", "cpu", "agent_cpu")}
    running = agent.start(scratch)
    try:
        time.sleep(SETTLE)
        for _ in range(options.repeat):
            for key, _, how, args in kinds:
                before = running.cpu() if running else 0.0
                done = workload.run(*args, spawn_how=how)
                if running:
                    time.sleep(SETTLE)  # a reader on a timer has the last of it now
                    cell["agent_cpu"][key].append(running.cpu() - before)
                else:
                    cell["agent_cpu"][key].append(0.0)
                expected.add(done)
                cell["times"][key].append(done["elapsed_ns"] / 1e9)
                cell["cpu"][key].append(done["cpu_ns"] / 1e9)
        cell["losses"] = None
        if running:
            running.stop()
            cell["losses"] = agent.losses(running, workload, expected)
    finally:
        if running:
            proc.end(running.process)
            running.discard()
    return cell


def bpf_programs(pid):
    """{id: (name, runs, ns)} of the programs that a process holds."""
    found = {}
    for ident in sorted(proc.bpf_program_ids(pid)):
        shown = subprocess.run(
            [which("bpftool"), "-j", "prog", "show", "id", str(ident)],
            capture_output=True,
            text=True,
        )
        if shown.returncode == 0:
            p = json.loads(shown.stdout)
            found[ident] = {
                "name": p.get("name", str(ident)),
                "type": p.get("type", ""),
                "runs": p.get("run_cnt", 0),
                "ns": p.get("run_time_ns", 0),
                "recursion_misses": p.get("recursion_misses", 0),
                "xlated": p.get("bytes_xlated", 0),
            }
    return found


def kernel(agents, workload, scratch, options):
    """Kernel statistics of each agent's programs over both storms; not timed for the ratios."""
    result = {"storms": {}}
    if not which("bpftool"):
        return {"absent": "bpftool not installed: apt-get install bpftool"}
    for agent in agents:
        progress(f"kernel statistics: {agent.label}")
        try:
            result["storms"][agent.name] = kernel_cell(agent, workload, scratch, options)
        except (AgentError, OSError) as e:
            result["storms"][agent.name] = {"failed": str(e)}
    progress("")
    return result


def ns_each(programs):
    """The kernel programs' share of one exec'ed program. By the most frequent of their runs and not
    by the storm's count: the statistics are of the whole machine, other processes included."""
    return sum(p["ns"] for p in programs) / max([1] + [p["runs"] for p in programs])


def kernel_cell(agent, workload, scratch, options):
    running = agent.start(scratch)
    try:
        time.sleep(SETTLE)
        with proc.BpfStats():
            phases = {}
            for mode, _, how, args in workload.storms(options):
                before = bpf_programs(running.pid)
                done = workload.run(*args, spawn_how=how)
                after = bpf_programs(running.pid)
                programs = []
                for ident, now in after.items():
                    was = before.get(ident, {"runs": 0, "ns": 0, "recursion_misses": 0})
                    delta = {k: now[k] - was[k] for k in ("runs", "ns", "recursion_misses")}
                    if delta["runs"] or delta["recursion_misses"]:
                        programs.append({**now, **delta})
                phases[mode] = {
                    "programs": sorted(programs, key=lambda p: -p["ns"]),
                    "execs": done["execs"],
                    "cpu_ns": done["cpu_ns"],
                    "ns_each": ns_each(programs),
                }
        running.stop()
        return phases
    finally:
        proc.end(running.process)
        running.discard()


def live(agents, workload, scratch, options):
    """CPU and memory of each agent with many live processes: at rest, and after a storm."""
    result = {"processes": options.live, "seconds": options.idle, "agents": {}}
    with workload.live(options.live):
        for agent in agents:
            progress(f"{options.live} live processes: {agent.label}")
            try:
                result["agents"][agent.name] = live_cell(agent, workload, scratch, options)
            except AgentError as e:
                result["agents"][agent.name] = {"failed": str(e)}
    progress("")
    return result


def live_cell(agent, workload, scratch, options):
    running = agent.start(scratch)
    try:
        start_cpu = running.cpu()
        at_ready = proc.memory(running.pid)
        time.sleep(options.idle)
        idle_cpu = running.cpu() - start_cpu
        before = running.cpu()
        workload.run("seq", options.seq, workload.true)
        time.sleep(SETTLE)
        storm_cpu = running.cpu() - before
        memory = proc.memory(running.pid)
        threads = proc.threads(running.pid)
        running.stop()
    finally:
        proc.end(running.process)
        running.discard()
    return {
        "ready": running.ready_after,
        "start_cpu": start_cpu,
        "idle_cpu": idle_cpu,
        "storm_cpu": storm_cpu,
        "at_ready": at_ready,
        "memory": memory,
        "threads": threads,
    }


def ready(tarsier, scratch, options):
    """Start to ready, and stop to end, of Tarsier."""
    starts, stops = [], []
    for _ in range(options.rounds):
        progress("time to ready")
        running = tarsier.start(scratch)
        try:
            starts.append(running.ready_after)
            stops.append(running.stop())
        finally:
            proc.end(running.process)
            running.discard()
    progress("")
    return {"ready": starts, "stop": stops}


def is_thin(path):
    """A thin archive holds names of objects, not objects: its size says nothing."""
    with open(path, "rb") as f:
        return f.read(7) == b"!<thin>"


def sizes(top, tarsier_path, scratch):
    """Sizes, as built and stripped, of the programs and libraries that are built."""
    wanted = [os.path.join(top, "build-static", "tarsier"), tarsier_path]
    for build in ("build", "build-static"):
        for pattern in ("libtarsier.so*", "libtarsier.a"):
            for depth in ("", "*/", "*/*/"):
                wanted += glob.glob(os.path.join(top, build, depth + pattern))
    found = []
    for path in dict.fromkeys(wanted):
        if os.path.islink(path) or path.endswith((".symbols", ".p")) or os.path.isdir(path):
            continue
        if path.endswith(".a") and is_thin(path):
            continue
        entry = {"path": os.path.relpath(path, top), "bytes": None, "stripped": None}
        found.append(entry)
        if not os.path.exists(path):
            continue
        entry["bytes"] = os.path.getsize(path)
        copy = os.path.join(scratch, "stripped")
        shutil.copy(path, copy)
        flags = ["--strip-debug"] if path.endswith(".a") else []
        strip = which("strip")
        if strip and subprocess.run([strip, *flags, copy], capture_output=True).returncode == 0:
            entry["stripped"] = os.path.getsize(copy)
        os.unlink(copy)
    return found


def replay(tarsier, workload, scratch, options):
    """Records a storm and replays it, several times, without output and as JSON."""
    recording = os.path.join(scratch, "storm.tsr")
    programs = max(1000, options.replay_events // 3)
    progress(f"replay: recording {programs} programs")
    process = proc.spawn(
        [tarsier.path, "record", "-w", recording],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    err = proc.Lines(process.stderr)
    try:
        if err.wait_for("tarsier: ready", 30.0) is None:
            raise AgentError("tarsier record: no `tarsier: ready` line: " + err.text()[-300:])
        workload.run("jobs", 4, programs, workload.true)
    finally:
        proc.end(process)
        err.finish()
    summary = parse_summary(err.text())
    result = {
        "recorded": summary,
        "bytes": os.path.getsize(recording),
        "outputs": {},
    }
    for output in ("none", "json:/dev/null"):
        result["outputs"][output] = replay_output(tarsier, recording, output, options)
    progress("")
    os.unlink(recording)
    return result


def replay_output(tarsier, recording, output, options):
    walls, cpus, events = [], [], None
    for number in range(options.rounds):
        progress(f"replay: {output}, {number + 1} of {options.rounds}")
        began = time.monotonic()
        process = proc.spawn(
            [tarsier.path, "replay", recording, "-o", output],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        err = proc.Lines(process.stderr)
        status, cpu = proc.wait_rusage(process)
        walls.append(time.monotonic() - began)
        err.finish()
        cpus.append(cpu)
        if status != 0:
            said = err.text()[-300:]
            raise AgentError(f"tarsier replay -o {output} ended with {status}: {said}")
        events = parse_summary(err.text())["events"]
    if not events:
        raise AgentError(f"tarsier replay -o {output}: no count of events in its summary")
    return {"events": events, "wall": walls, "cpu": cpus}


def resolver(tarsier_path, scratch, options):
    """The process resolver alone, in a process of its own: what it printed, and its figures."""
    program = os.path.join(os.path.dirname(tarsier_path), "bench", "resolver")
    if not os.access(program, os.X_OK):
        raise AgentError(f"{os.path.relpath(program)} is not there: make build")
    found = os.path.join(scratch, "resolver.json")
    progress("the resolver, in process")
    process = proc.spawn(
        [program, f"--rounds={options.resolver_rounds}", f"--json={found}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    text, _ = process.communicate()
    proc.end(process)
    progress("")
    if process.returncode:
        raise AgentError(f"{program} ended with {process.returncode}")
    with open(found, encoding="utf-8") as f:
        return {"text": text, "figures": json.load(f)}


def long_storm(tarsier, workload, scratch, options):
    """For a minute everything that the machine can fork; then every event is looked for."""
    jobs = 4 * os.cpu_count()
    expected = Expected()
    progress(f"{options.storm_seconds} s storm by {jobs} jobs")
    running = tarsier.start(scratch)
    try:
        time.sleep(SETTLE)
        cpu = running.cpu()
        done = workload.run("timed", options.storm_seconds, jobs, workload.true)
        expected.add(done)
        cpu = running.cpu() - cpu
        memory = proc.memory(running.pid)
        stop = running.stop()
        size = os.path.getsize(running.output)
        progress("counting the events")
        counted = count_json(running.output, workload)
        missing, surplus = compare(counted, expected)
    finally:
        proc.end(running.process)
        running.discard()
    progress("")
    return {
        "jobs": jobs,
        "done": done,
        "expected": expected.total(),
        "missing": missing,
        "surplus": surplus,
        "malformed_lines": counted["malformed"],
        "lost_records": counted["lost_records"],
        "summary": parse_summary(running.err.text()),
        "cpu": cpu,
        "memory": memory,
        "stop_seconds": stop,
        "output_bytes": size,
    }
