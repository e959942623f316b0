#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs a test in network, mount and process namespaces of its own: isolated.sh COMMAND...
#
# The kernel ends all of it with the test, however that ends: processes, interfaces, sockets, and
# all that lies in /run, temporary files too. Exit status 77, skipped, where that cannot be had.
if [ "$(id -u)" -ne 0 ]; then
	echo "root is needed to make network interfaces"
	exit 77
fi
if ! unshare --net --mount --pid --fork true; then
	echo "this system lets nobody make namespaces"
	exit 77
fi
# shellcheck disable=SC2016 # for the inner shell
exec unshare --net --mount --pid --fork --kill-child --mount-proc sh -c '
	mount -t tmpfs -o size=1g none /run && mkdir /run/tmp /run/netns && ip link set lo up &&
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 &&
		export TMPDIR=/run/tmp && exec "$@"' isolated "$@"
