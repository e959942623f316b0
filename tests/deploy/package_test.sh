#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The Debian package in a root of its own: built, without lintian's errors, installed, started as its
# user, asked, stopped, removed. Run by smoke/isolated.sh: package_test.sh SOURCE
set -eu

source=$1
work=$(mktemp -d)
root=$work/root

fail()
{
	echo "$*"
	exit 1
}

for tool in dpkg-buildpackage dh lintian scdoc; do
	command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
mkdir "$work/upper" "$work/work" "$root"
if ! mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"; then
	echo "skipped: no root of its own to install into"
	exit 77
fi

"$source/config/debian/build.sh" "$work/packages"
lintian --allow-root --fail-on error "$work"/packages/*.changes

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mkdir "$root/run/wiretag" # systemd would: RuntimeDirectory=
cp "$work"/packages/wiretag_*.deb "$root/tmp/wiretag.deb"
chroot "$root" dpkg -i /tmp/wiretag.deb
chroot "$root" id wiretag
chroot "$root" chown wiretag: /run/wiretag
chroot "$root" wiretag check -c /etc/wiretag/wiretag.yaml
chroot "$root" man -l /usr/share/man/man5/wiretag.yaml.5.gz | grep -q "flows.capacity" ||
	fail "no manual page of the keys"

# What a site adds; the package's own file stays as it came.
cat >"$root/etc/wiretag/conf.d/site.yaml" <<'END'
ports: {lan: net_null0, wan: "net_null1,no-rx=1"}
pairs: [{name: uplink, inside: lan, outside: wan}]
flows: {capacity: 4096}
events: {file: /var/log/wiretag/eve.json}
dpdk: {memory: none, mbufs: 4096}
END
cat >"$root/etc/wiretag/rules.d/site.yaml" <<'END'
rules: [{id: 9000001, app: site, confidence: strong, match: {http.host: 'site\.example'}}]
END
chroot "$root" setpriv --reuid wiretag --regid wiretag --clear-groups --no-new-privs \
	env RUNTIME_DIRECTORY=/run/wiretag wiretag run -c /etc/wiretag/wiretag.yaml &
as_user="chroot $root setpriv --reuid wiretag --regid wiretag --clear-groups"
deadline=$(($(date +%s) + 60))
until $as_user wiretagctl status; do
	[ "$(date +%s)" -lt $deadline ] || fail "nobody answers"
	sleep 0.2
done
$as_user wiretagctl --json rules | grep -q 9000001 || fail "no rule of the site"
$as_user wiretagctl reload --wait
chroot "$root" pgrep -u wiretag -x wiretag >"$work/pid" || fail "it does not run as its user"
kill -TERM "$(cat "$work/pid")"
wait $! || fail "it did not stop well"
[ -e "$root/var/log/wiretag/eve.json" ] || fail "no events"

chroot "$root" dpkg -r wiretag
[ -e "$root/etc/wiretag/wiretag.yaml" ] || fail "its configuration went with it"
chroot "$root" dpkg -P wiretag
[ ! -e "$root/usr/bin/wiretag" ] || fail "it is still there"
