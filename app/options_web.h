// SPDX-License-Identifier: BSD-3-Clause
// Who may ask for the pages, and over what: the file that metrics.web_config names, with the keys of
// Prometheus's exporters (tls_server_config, basic_auth_users).
//
// Thread: the manager.
#pragma once

#include "options.h"

struct web_config {
	char *cert, *key; // PEM; NULL: no TLS
	char *client_ca; // PEM; NULL: no client needs a certificate
	const char *priorities; // of GnuTLS, static
	struct web_users *users;
};

// NULL after complaints. Free with web_config_free().
struct web_config *web_config_load(const char *path, struct complaints *complaints);
void web_config_free(struct web_config *web);
// The one that the options name; NULL without a complaint when they name none.
struct web_config *options_web(const struct options *options, struct complaints *complaints);
bool web_config_is_same(const struct web_config *a, const struct web_config *b);

// Whether a password is asked for.
bool web_config_asks(const struct web_config *web);

enum web_access {
	WEB_GRANTED,
	WEB_REFUSED,
	WEB_LATER, // a password was wrong a moment ago: none is tried again within that second
};
// Whether `password` is that of `user`; either may be NULL. A password that was right before costs a
// hash of 32 bytes; another one what bcrypt takes, at most once a second once one was wrong, so that
// who guesses does not keep the manager from its work.
enum web_access web_config_access(
		const struct web_config *web, const char *user, const char *password);
