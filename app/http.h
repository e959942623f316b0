// SPDX-License-Identifier: BSD-3-Clause
// The pages that the manager serves over HTTP: metrics, health, an index.
//
// Thread: the manager's. There is no thread behind it: requests are read, answered and timed out
// inside http_run(), which never waits. A client that is slow or silent costs one of a few
// connections for some seconds and delays nobody.
#pragma once

#include "options_web.h"
#include "snapshot.h"
#include "text.h"

struct http;

// What somebody else makes of a path.
struct http_reply {
	unsigned status;
	const char *content_type; // static
	struct text text; // taken over; empty: it is `data`
	const char *data; // the other's, for as long as the server runs
	size_t length;
};
// False: no such path. `reply` is empty, its status 200.
typedef bool http_delegate_answer(void *context, const char *path, struct http_reply *reply);

// Serves at an address as listener_open() takes it. `source` is copied and asked once for each
// page. `web` is taken over; NULL: everybody may ask, without TLS, and there is a warning unless only
// the machine itself can. NULL with errno after a log line that says what to do. Free with
// http_close().
struct http *http_open(
		const char *listen, struct web_config *web, const struct snapshot_source *source);
void http_close(struct http *http);
// Serves under other terms from now on, and cuts connections, unless they are the same as before.
// `web` is taken over.
void http_change(struct http *http, struct web_config *web);
// Asks `answer` first for every path, so that it may also replace the pages that are here.
void http_delegate(struct http *http, http_delegate_answer *answer, void *context);

// Readable when there is work for http_run(). An epoll descriptor: it can be polled itself. Another one
// after http_change().
int http_fd(const struct http *http);
// Does what there is to do. Call it when http_fd() is readable and also at least every 100 ms:
// silent clients are given up here.
void http_run(struct http *http);

// "http://127.0.0.1:9932/", with the port that was found and https under TLS, or "unix:PATH".
const char *http_url(const struct http *http);
