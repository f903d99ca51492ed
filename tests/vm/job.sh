#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What test_matrix runs inside each VM: first whether the VM is as it should be, then the plan of
# hooks, then the ground-truth workload under the sensor. It judges nothing but whether the steps
# could be done; test_matrix judges, on the host.
#
# Left in /out: release, selftest.tap, probe.txt, probe.json, events.json, tarsier.err, truth.json,
# workload.err, and for each step NAME.status.

# Generous: the whole VM is emulated.
READY_TENTHS=300
END_TENTHS=300

step()
{
	name=$1
	shift
	"$@"
	echo $? >"/out/$name.status"
}

uname -r >/out/release
selftest >/out/selftest.tap
step probe tarsier probe >/out/probe.txt 2>/out/probe.err
step probe-json tarsier probe -o json >/out/probe.json 2>>/out/probe.err

tarsier run -e process --no-scrub -o json:/out/events.json 2>/out/tarsier.err &
sensor=$!
tenths=0
while ! grep -q '^tarsier: ready' /out/tarsier.err; do
	if [ "$tenths" -ge "$READY_TENTHS" ] || ! kill -0 "$sensor" 2>/dev/null; then
		echo "job: tarsier did not become ready:"
		cat /out/tarsier.err
		kill -9 "$sensor"
		wait "$sensor"
		echo $? >/out/tarsier.status
		exit 1
	fi
	sleep 0.1
	tenths=$((tenths + 1))
done

# The VM is ours alone, so its settings may be changed.
step workload workload --truth /out/truth.json --dir /tmp --allow-host-changes 2>/out/workload.err

# At once: what happened before the signal must be in the output. SIGTERM, because the shell gives
# its background jobs an ignored SIGINT.
kill -TERM "$sensor"
(
	tenths=0
	while [ "$tenths" -lt "$END_TENTHS" ]; do
		sleep 0.1
		tenths=$((tenths + 1))
	done
	echo "job: tarsier did not end on SIGTERM"
	kill -9 "$sensor"
) &
guard=$!
wait "$sensor"
echo $? >/out/tarsier.status
kill "$guard"
