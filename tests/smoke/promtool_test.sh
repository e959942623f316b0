#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# promtool finds nothing to say about a page of metrics. $1: metrics_server.
set -eu

if ! command -v promtool >/dev/null; then
	echo "promtool is not installed (package prometheus)"
	exit 77
fi
for page in print print-most; do
	said=$("$1" $page | promtool check metrics 2>&1) || {
		echo "promtool exits with $?: $said"
		exit 1
	}
	if [ -n "$said" ]; then
		echo "promtool: $said"
		exit 1
	fi
done
