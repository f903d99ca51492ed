#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# Process 1 of the test VMs that `run` boots. It makes a small but honest Linux system, runs /test,
# and hands the results to the host.
#
# - /test runs without arguments, in a session of its own, with the serial line as its output
# - results leave as one tar archive on the raw NVMe disk: out/ (what /test wrote to /out), then
#   kernel.log, then status. status is the last member: an archive without it is cut off
# - time limit: kernel command line vm.timeout=SECONDS (the kernel ignores names with a dot that
#   belong to no module, and leaves them in /proc/cmdline)

export PATH=/bin HOME=/root TERM=dumb TZ=UTC0
umask 022

if [ "$1" != second ]; then
	# The initramfs can't be a root file system like any other: it has nothing below it, so
	# pivot_root is refused and the walk from a file up to its root ends elsewhere than on a
	# real machine. Move to a tmpfs first.
	/bin/busybox mkdir -p /root.new
	/bin/busybox mount -t tmpfs -o mode=755 root /root.new
	for name in /*; do
		case $name in
		/root.new) ;;
		*) /bin/busybox cp -a "$name" /root.new/ ;;
		esac
	done
	exec /bin/busybox switch_root -c /dev/console /root.new /init second
fi

/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /tmp /run /root /etc /out /vm /sbin /usr
chmod 1777 /tmp
ln -s /bin/modprobe /sbin/modprobe
ln -s /bin /usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
hostname vm
ip link set lo up
echo root:x:0:0:root:/root:/bin/sh >/etc/passwd
echo nobody:x:65534:65534:nobody:/:/bin/false >>/etc/passwd
echo root:x:0: >/etc/group
echo nogroup:x:65534: >>/etc/group
cd /root || exit

limit=$(sed -n 's/.*vm\.timeout=\([0-9]*\).*/\1/p' /proc/cmdline)
echo "vm: kernel $(uname -r), test starts at $(cut -d' ' -f1 /proc/uptime) s"
setsid /test </dev/null &
test_pid=$!
(
	sleep "$limit"
	echo timeout >/vm/timeout
	echo "vm: time limit of $limit s reached"
	kill -9 -"$test_pid"
) &
guard_pid=$!
wait "$test_pid"
status=$?
kill "$guard_pid" 2>/dev/null
[ ! -e /vm/timeout ] || status=timeout
echo "vm: test ended with $status at $(cut -d' ' -f1 /proc/uptime) s"

# What the test left running must not write to /out while it is being read. Neither process 1 nor
# the shell that calls is hit by it: they are the same.
kill -9 -1
dmesg >/vm/kernel.log
echo "$status" >/vm/status
mv /out /vm/out

# The NVMe driver looks for its disks in the background.
tries=100
while [ ! -b /dev/nvme0n1 ] && [ "$tries" -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
if [ ! -b /dev/nvme0n1 ]; then
	echo "vm: no disk for the results"
else
	tar -C /vm -cf - out kernel.log status | dd of=/dev/nvme0n1 bs=64k conv=fsync 2>/dev/null
fi
poweroff -f
