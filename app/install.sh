#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing of the named groups of packages.txt: app/install.sh build demo test
#
# Needs root only when something is missing. Daemons that come along are neither started nor
# enabled: they are here for their programs.
set -eu

list=$(dirname "$0")/packages.txt
policy=/usr/sbin/policy-rc.d

wanted()
{
	for group in "$@"; do
		awk -v group="[$group]" '
			{ sub(/#.*/, "") }
			/^\[/ { inside = $1 == group; found += inside; next }
			inside && NF { print $1 }
			END { if (!found) { print "no group " group > "/dev/stderr"; exit 1 } }
		' "$list"
	done
}

is_installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v apt-get >/dev/null; then
	echo "$0: no apt-get here: install the counterparts of $list yourself" >&2
	exit 1
fi
packages=$(wanted "$@")
missing=
for package in $packages; do
	is_installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
	echo "every package is there"
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "$0: root is needed to install:$missing" >&2
	exit 1
fi

if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of names
apt-get install -q -y --no-install-recommends $missing
if [ -d /run/systemd/system ]; then
	for package in $missing; do
		systemctl disable --quiet "$package.service" 2>/dev/null || :
	done
fi
