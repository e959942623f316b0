// SPDX-License-Identifier: BSD-3-Clause
// The control socket of a running wiretag, from outside.
#pragma once

#include <jansson.h>
#include <stdio.h>

enum {
	EXIT_DONE = 0,
	EXIT_INPUT = 1, // what was asked, or the configuration, is at fault
	EXIT_USAGE = 2,
	EXIT_HOST = 3, // nobody answers
};

// Where wiretag listens unless it is told otherwise.
const char *default_socket(void);
// A stream to the socket, to be closed with fclose(); NULL with errno.
FILE *dial(const char *path);
// Says why dial() failed, and what to do.
void dial_complain(const char *path);

// The answer to a request, which is released; the caller's. NULL when there is none.
json_t *ask(FILE *stream, json_t *request);
// The message of an answer that says OK, the caller's; else NULL, after what it says is shown, and
// `status` is the exit status. The request is released.
json_t *ask_message(FILE *stream, json_t *request, int *status);
