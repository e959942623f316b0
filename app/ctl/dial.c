// SPDX-License-Identifier: BSD-3-Clause
#include "dial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *default_socket(void)
{
	static char path[108];
	const char *given = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");

	if (given != NULL && given[0] != '\0') {
		snprintf(path, sizeof(path), "%.*s/control.sock", (int)strcspn(given, ":"), given);
		return path;
	}
	snprintf(path, sizeof(path), "/run/wiretag/control.sock");
	if (access(path, F_OK) != 0 && geteuid() != 0 && user != NULL)
		snprintf(path, sizeof(path), "%s/wiretag/control.sock", user);
	return path;
}

FILE *dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fdopen(fd, "r");
	error = errno;
	close(fd);
	errno = error;
	return NULL;
}

void dial_complain(const char *path)
{
	const char *remedy = "does wiretag run? -s names another socket";

	if (errno == EACCES)
		remedy = "may this user? Try sudo, or join the group that owns the socket";
	else if (errno == ECONNREFUSED)
		remedy = "nobody listens there: wiretag has ended without removing it; start it";
	fprintf(stderr, "wiretagctl: %s: %s; %s\n", path, strerror(errno), remedy);
}

json_t *ask(FILE *stream, json_t *request)
{
	json_error_t error;
	json_t *answer = NULL;

	// Only answers are read through the stream.
	if (json_dumpfd(request, fileno(stream), JSON_COMPACT) == 0 &&
			write(fileno(stream), "\n", 1) == 1)
		answer = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
	json_decref(request);
	return answer;
}

static void print_refusal(const json_t *answer)
{
	const json_t *message = json_object_get(answer, "message"), *line;
	size_t index;

	if (answer == NULL)
		fprintf(stderr, "wiretagctl: no answer\n");
	if (json_is_string(message))
		fprintf(stderr, "wiretagctl: %s\n", json_string_value(message));
	json_array_foreach(message, index, line) fprintf(stderr, "%s\n", json_string_value(line));
}

json_t *ask_message(FILE *stream, json_t *request, int *status)
{
	json_t *answer = ask(stream, request), *message = NULL;
	const char *result = json_string_value(json_object_get(answer, "return"));

	if (result != NULL && strcmp(result, "OK") == 0) {
		message = json_incref(json_object_get(answer, "message"));
		*status = EXIT_DONE;
	} else {
		print_refusal(answer);
		*status = answer == NULL ? EXIT_HOST : EXIT_INPUT;
	}
	json_decref(answer);
	return message;
}
