// SPDX-License-Identifier: BSD-3-Clause
// A listening stream socket at an address that the configuration names.
#pragma once

#include <stdbool.h>

enum {
	LISTENER_URL_BYTES = 192
};

struct listener {
	int fd; // -1: closed
	bool is_public; // not only the machine itself can reach it
	const char *unix_path; // in `url`; NULL when it is an IP address
	char url[LISTENER_URL_BYTES]; // "http://127.0.0.1:9932/" with the port bound, or "unix:PATH"
};

// Listens on "ADDRESS:PORT", "[IPV6]:PORT" (port 0: any that is free) or "unix:PATH" (mode 0660; a
// socket that a killed program left there is removed). 0, or -errno after a log line that says what to do; `key` is the configuration key.
int listener_open(struct listener *listener, const char *where, const char *key);
// Removes the path of a unix socket, too.
void listener_close(struct listener *listener);
