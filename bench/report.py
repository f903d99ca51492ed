# SPDX-License-Identifier: Apache-2.0
"""Printing the figures beside their targets. Knows the targets; measures nothing."""

from figures import median

MIB = 1024 * 1024
TARGET_RATIO = 1.03
TARGET_MEMORY = 16 * MIB
TARGET_READY = 0.150
TARGET_STATIC = 4_000_000
TARGET_REPLAY = 1_000_000


def verdict(reached):
    return "reached" if reached else "NOT reached"


def count(number):
    return f"{number:,}"


def spread(values):
    """Half of the distance between best and worst, of the median, in per cent."""
    return 50.0 * (max(values) - min(values)) / median(values)


def ratios(values, base):
    """(ratio of the medians, smallest and largest ratio within one round)."""
    rounds = [v / b for v, b in zip(values, base)]
    return median(values) / median(base), min(rounds), max(rounds)


def heading(text):
    print(f"\n{text}\n")


TITLES = {
    "usual_seq": "/bin/true by fork, one after the other",
    "usual_jobs": "/bin/true by fork, by four jobs",
    "bare_seq": "empty static program by vfork, one after the other",
    "bare_jobs": "empty static program by vfork, by four jobs",
}


def storms(data, agents):
    heading(
        f"Storms of exec'ed programs: medians of {data['rounds']} alternating rounds; ratio to no "
        "agent: of the medians,\n  in brackets the extremes within one round; CPU: of the programs "
        "and of the agent, for one program"
    )
    widest = max(len(a.label) for a in agents)
    for kind, number in data["programs"].items():
        times = data["times"]
        base = times["none"][kind]
        if not base:
            continue
        print(f"  {count(number)} times {TITLES[kind]}")
        noise = noise_of(times, kind)
        base_cpu = median(data["cpu"]["none"][kind])
        for agent in agents:
            values = times[agent.name][kind]
            if not values:
                continue
            middle = median(values)
            cpu = median(data["cpu"][agent.name][kind])
            own = median(data["agent_cpu"][agent.name][kind])
            ratio, low, high = ratios(values, base)
            print(
                f"    {agent.label:{widest}} {middle:6.3f} s ±{spread(values):4.1f} % "
                f"{1e6 * middle / number:6.1f} us  {ratio:.3f} ({low:.3f}-{high:.3f})   "
                f"CPU {1e6 * cpu / number:5.1f} + {1e6 * own / number:4.1f} us  "
                f"{(cpu + own) / base_cpu:.3f}"
            )
            if agent.name == "tarsier":
                reached = verdict(ratio <= TARGET_RATIO)
                if noise and noise["medians"] > (TARGET_RATIO - 1) / 2:
                    reached += ", but this run is too noisy to tell"
                print(f"    {'':{widest}} at most {TARGET_RATIO}: {reached}")
        if noise:
            print(
                f"    noise: no agent against no agent differs by {100 * noise['medians']:.1f} % "
                f"(medians), by up to {100 * noise['rounds']:.1f} % within a round"
            )
        print()
    print(f"  time that the hypervisor took away meanwhile: {100 * data['steal']:.1f} %")
    for name, why in data["failed"].items():
        print(f"  {name} FAILED: {why}")


def noise_of(times, kind):
    if not times["control"][kind] or len(times["control"][kind]) != len(times["none"][kind]):
        return None
    ratio, low, high = ratios(times["control"][kind], times["none"][kind])
    return {"medians": abs(ratio - 1), "rounds": max(abs(low - 1), abs(high - 1))}


def losses(data, agents):
    heading("Events lost in these storms (all rounds)")
    for agent in agents:
        found = data["losses"].get(agent.name)
        if not found:
            continue
        expected = sum(f["expected"] for f in found)
        missing = sum(f["missing"] for f in found)
        surplus = sum(f["surplus"] for f in found)
        line = (
            f"  {agent.label}: of {count(expected)} {agent.reports}, {count(missing)} missing, "
            f"{count(surplus)} too many"
        )
        if agent.name == "tarsier":
            own = [f["summary"]["lost"] for f in found]
            clean = not missing and not surplus and None not in own and not any(own)
            line += (
                "; its summary says "
                + ("nothing about losses" if None in own else f"{count(sum(own))} lost")
                + f"   none: {verdict(clean)}"
            )
            causes = {f["summary"]["lost_by_cause"] for f in found if f["summary"]["lost"]}
            bad = sum(f["malformed_lines"] for f in found)
            if bad:
                line += f"\n    {count(bad)} lines are no JSON"
            for cause in causes:
                line += f"\n    {cause}"
        if found[0].get("announced") is not None:
            line += f" (it announced {count(sum(f['announced'] for f in found))})"
        print(line)


def kernel(data, agents):
    heading("Kernel programs (kernel BPF statistics, a round of their own, not timed)")
    if "absent" in data:
        print(f"  {data['absent']}")
        return
    labels = {a.name: a.label for a in agents}
    for name, phases in data["storms"].items():
        if "failed" in phases:
            print(f"  {labels[name]} FAILED: {phases['failed']}")
            continue
        for mode, phase in phases.items():
            if not phase["programs"]:
                print(f"  {labels[name]}, {TITLES[mode]}: no BPF program of its own ran")
                continue
            each = phase["cpu_ns"] / phase["execs"]
            print(
                f"  {labels[name]}, {TITLES[mode]}:\n    {phase['ns_each'] / 1000:.1f} us of the "
                f"{each / 1000:.0f} us of CPU that a program takes "
                f"({100 * phase['ns_each'] / each:.1f} %)"
            )
            for p in phase["programs"]:
                missed = f", {p['recursion_misses']} misses" if p["recursion_misses"] else ""
                mean = p["ns"] / p["runs"] if p["runs"] else 0
                print(f"    {p['name']:34} {count(p['runs']):>9} runs {mean:8.0f} ns mean{missed}")


def live(data, agents):
    heading(f"Agents with {count(data['processes'])} live processes")
    labels = {a.name: a.label for a in agents}
    for name, f in data["agents"].items():
        if "failed" in f:
            print(f"  {labels[name]} FAILED: {f['failed']}")
            continue
        peak = f["memory"]["VmHWM"]
        line = f"  {labels[name]}: peak memory {peak / MIB:.1f} MiB"
        if name == "tarsier":
            line += f"   at most {TARGET_MEMORY / MIB:.0f} MiB: {verdict(peak <= TARGET_MEMORY)}"
        print(line)
        parts = ", ".join(
            f"{title} {f['memory'].get(key, 0) / MIB:.1f}"
            for key, title in (
                ("RssAnon", "its own"),
                ("RssFile", "files and rings"),
                ("RssShmem", "shared"),
            )
        )
        print(
            f"    at ready {f['at_ready']['VmHWM'] / MIB:.1f} MiB; after the storm: {parts}; "
            f"{f['threads']} threads"
        )
        idle = 100 * f["idle_cpu"] / data["seconds"]
        print(
            f"    CPU: start {f['start_cpu']:.2f} s, at rest {idle:.1f} %, "
            f"storm of programs one after the other {f['storm_cpu']:.2f} s"
        )
        if f["ready"] is not None:
            print(f"    ready after {1000 * f['ready']:.0f} ms")


def ready(data):
    heading("Time to ready")
    values = data["ready"]
    middle = median(values)
    print(
        f"  {1000 * middle:.0f} ms (±{spread(values):.0f} %, {len(values)} starts)   at most "
        f"{1000 * TARGET_READY:.0f} ms: {verdict(middle <= TARGET_READY)}"
    )
    print(f"  stop to end: {1000 * median(data['stop']):.0f} ms")


def sizes(data):
    heading("Size of the binaries")
    for entry in data:
        if entry["bytes"] is None:
            print(f"  {entry['path']}: not built")
            continue
        stripped = entry["stripped"]
        line = f"  {entry['path']}: {count(entry['bytes'])} bytes"
        if stripped is not None:
            line += f", {count(stripped)} stripped"
        if entry["path"] == "build-static/tarsier":
            size = entry["bytes"] if stripped is None else stripped
            line += f"   at most {count(TARGET_STATIC)}: {verdict(size <= TARGET_STATIC)}"
        print(line)


def replay(data):
    heading("Replay")
    if "failed" in data:
        print(f"  FAILED: {data['failed']}")
        return
    for output, f in data["outputs"].items():
        wall, cpu = median(f["wall"]), median(f["cpu"])
        rate = f["events"] / cpu
        line = (
            f"  -o {output}: {count(f['events'])} events in {wall:.3f} s "
            f"(±{spread(f['wall']):.0f} %): {count(round(f['events'] / wall))} a second, "
            f"{1e9 * wall / f['events']:.0f} ns each; "
            f"{count(round(rate))} per second of CPU"
        )
        if output == "none":
            reached = verdict(rate >= TARGET_REPLAY)
            line += f"\n    at least {count(TARGET_REPLAY)} on one core: {reached}"
        print(line)
    events = data["outputs"]["none"]["events"]
    print(f"  recording: {count(data['bytes'])} bytes, {data['bytes'] / events:.1f} an event")


def resolver(data):
    heading("The process resolver, in process, without the kernel")
    print("  " + data.pop("text").strip("\n").replace("\n", "\n  ").replace("\n  \n", "\n\n"))


def long_storm(data):
    done = data["done"]
    seconds = done["elapsed_ns"] / 1e9
    heading(f"A storm of {seconds:.0f} s by {data['jobs']} jobs")
    print(
        f"  {count(done['forks'])} forks, {count(done['execs'])} execs, {count(done['exits'])} "
        f"exits: {count(round(done['forks'] / seconds))} processes and "
        f"{count(round(data['expected'] / seconds))} events a second"
    )
    own = data["summary"]["lost"]
    clean = own == 0 and not data["missing"] and not data["surplus"]
    print(
        f"  of {count(data['expected'])} events {count(data['missing'])} missing, "
        f"{count(data['surplus'])} too many; the summary says "
        + ("nothing about losses" if own is None else f"{count(own)} lost")
        + f"   none: {verdict(clean)}"
    )
    if data["summary"]["lost_by_cause"]:
        print(f"    {data['summary']['lost_by_cause']}")
    print(
        f"  agent: {data['cpu']:.1f} s CPU, peak memory {data['memory']['VmHWM'] / MIB:.1f} MiB, "
        f"{count(data['output_bytes'])} bytes of JSON, {data['stop_seconds']:.1f} s to stop"
    )
