#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds the Debian package of this tree: build.sh [DIRECTORY], which gets the .deb (here).
#
# Needs what config/debian/control names under Build-Depends, and dpkg-dev and fakeroot:
# app/install.sh build package
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-.}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# What belongs to the tree, without builds: Debian's tools want debian/ at its top.
mkdir "$work/wiretag"
(cd "$top" && tar -c app lib config tests meson.build meson_options.txt README.md LICENSE) |
	tar -x -C "$work/wiretag"
cd "$work/wiretag"
cp -r config/debian debian
cp config/systemd/sysusers.conf debian/wiretag.sysusers
cp config/systemd/tmpfiles.conf debian/wiretag.tmpfiles
mkdir debian/source
echo "3.0 (native)" >debian/source/format
dpkg-buildpackage -b -us -uc -rfakeroot
mv ../*.deb ../*.changes ../*.buildinfo "$out"
ls "$out"/*.deb
