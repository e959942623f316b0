// SPDX-License-Identifier: BSD-3-Clause
#include "control.h"

#include "control_recorder.h"
#include "fail.h"
#include "listener.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

LOG_TYPE("control");

enum {
	CLIENTS_MAX = 16,
	REQUEST_BYTES = 4096, // one line
	INQUIRY_S = 5, // that a worker may take
	IDLE_S = 30, // without a request, or without taking an answer
	READS_MAX = 4, // of one client in one control_run()
	PATH_BYTES = 256,
	CAPTURE_BYTES = 256 * 1024, // of a capture in one piece
	CAPTURE_PIECES_MAX = 64, // in one control_run()
};

struct client {
	int fd; // -1: a free place
	size_t request_length;
	char request[REQUEST_BYTES];
	char *reply; // NULL: none under way; the next request waits until it is taken
	size_t reply_length, reply_sent;
	unsigned inquiry; // waits for this one; 0: it does not
	uint64_t reload; // waits for the end of this one; 0: it does not
	uint64_t heard_s; // of the monotonic clock: when anything went in or out
	bool is_queued; // its request waits for others' to be answered
	bool is_capturing; // its reply goes on with what the recorder has
	bool is_ending; // to be closed once the reply is taken
};

struct control {
	struct listener listener;
	int epoll;
	struct control_source source;
	struct snapshot *snapshot;
	struct recorder *recorder;
	struct client clients[CLIENTS_MAX];
};

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

// The directory that is there for sockets, made if need be. False when there is none.
static bool runtime_directory(char *path, size_t size)
{
	const char *given = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");

	if (given != NULL && given[0] != '\0') {
		snprintf(path, size, "%.*s", (int)strcspn(given, ":"), given);
		return true;
	}
	if (geteuid() == 0)
		snprintf(path, size, "/run/wiretag");
	else if (user != NULL && user[0] != '\0')
		snprintf(path, size, "%s/wiretag", user);
	else
		return false;
	mkdir(path, 0755);
	return true;
}

static int control_listen(struct control *control, const char *path)
{
	char directory[PATH_BYTES / 2], where[PATH_BYTES];

	if (path != NULL)
		snprintf(where, sizeof(where), "unix:%s", path);
	else if (runtime_directory(directory, sizeof(directory)))
		snprintf(where, sizeof(where), "unix:%s/control.sock", directory);
	else {
		LOG(ERR, "no directory for the control socket: give control.socket a path");
		return fail(ENOENT);
	}
	return listener_open(&control->listener, where, "control.socket");
}

static int watch(struct control *control, int operation, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };

	return epoll_ctl(control->epoll, operation, fd, &event);
}

struct control *control_open(const char *path, const struct control_source *source)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return fail_null(ENOMEM);
	control->source = *source;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	control->snapshot = calloc(1, sizeof(*control->snapshot));
	if (control->snapshot == NULL)
		goto err_control;
	control->recorder = recorder_create(source);
	if (control->recorder == NULL)
		goto err_snapshot;
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll < 0)
		goto err_recorder;
	if (control_listen(control, path) < 0)
		goto err_epoll;
	if (watch(control, EPOLL_CTL_ADD, control->listener.fd, EPOLLIN, NULL) < 0)
		goto err_listener;
	return control;

err_listener:
	listener_close(&control->listener);
err_epoll:
	close(control->epoll);
err_recorder:
	recorder_free(control->recorder);
err_snapshot:
	free(control->snapshot);
err_control:
	free(control);
	return NULL;
}

static void client_close(struct control *control, struct client *client)
{
	if (client->is_capturing)
		recorder_abandon(control->recorder);
	client->is_capturing = false;
	answer_forget(&control->source, client->inquiry);
	client->inquiry = 0;
	if (client->fd >= 0)
		close(client->fd);
	free(client->reply);
	client->reply = NULL;
	client->fd = -1;
}

void control_close(struct control *control)
{
	if (control == NULL)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		client_close(control, &control->clients[i]);
	listener_close(&control->listener);
	close(control->epoll);
	recorder_free(control->recorder);
	free(control->snapshot);
	free(control);
}

const char *control_path(const struct control *control)
{
	return control->listener.unix_path;
}

int control_fd(const struct control *control)
{
	return control->epoll;
}

static struct client *free_client(struct control *control)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	}
	return NULL;
}

static void accept_client(struct control *control)
{
	static const char full[] = "{\"return\": \"NOK\", \"message\": \"too many clients\"}\n";
	int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = free_client(control);

	if (fd < 0)
		return;
	if (client == NULL) {
		send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	*client = (struct client){ .fd = fd, .heard_s = now_s() };
	if (watch(control, EPOLL_CTL_ADD, fd, EPOLLIN, client) < 0)
		client_close(control, client);
}

// Sends what the socket takes; waits for the rest, and meanwhile reads no further request.
static void client_send(struct control *control, struct client *client)
{
	ssize_t sent = send(client->fd, client->reply + client->reply_sent,
			client->reply_length - client->reply_sent, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(control, client);
		return;
	}
	if (sent > 0) {
		client->reply_sent += sent;
		client->heard_s = now_s();
	}
	if (client->reply_sent < client->reply_length) {
		watch(control, EPOLL_CTL_MOD, client->fd, EPOLLOUT, client);
		return;
	}
	free(client->reply);
	client->reply = NULL;
	// Of one that has hung up its side to end a capture, only the rest is of interest.
	watch(control, EPOLL_CTL_MOD, client->fd, client->is_capturing ? EPOLLRDHUP : EPOLLIN,
			client);
	if (client->is_ending)
		client_close(control, client);
}

// Takes over the answer's message.
static void client_reply(
		struct control *control, struct client *client, const struct answer *answer)
{
	json_t *reply = json_pack("{s:s, s:o*}", "return", answer->is_good ? "OK" : "NOK",
			"message", answer->message);
	char *line = reply == NULL ? NULL : json_dumps(reply, JSON_COMPACT);
	size_t length = line == NULL ? 0 : strlen(line);

	json_decref(reply);
	client->reload = 0;
	answer_forget(&control->source, client->inquiry);
	client->inquiry = 0;
	if (line == NULL) {
		client_close(control, client);
		return;
	}
	line[length] = '\n'; // where the terminator was
	client->reply = line;
	client->reply_length = length + 1;
	client->reply_sent = 0;
	client_send(control, client);
}

static void client_refuse(struct control *control, struct client *client, const char *why)
{
	struct answer answer = { .message = json_string(why) };

	client->is_ending = true;
	client_reply(control, client, &answer);
}

static void start_capture(struct control *control, struct client *client, const json_t *arguments,
		struct answer *answer)
{
	const char *why;

	client->is_capturing = recorder_start(control->recorder, arguments, &why);
	if (client->is_capturing)
		return;
	json_decref(answer->message);
	*answer = (struct answer){ .message = json_string(why) };
}

// Puts off a request that had to be refused, but only for as long as an answer may take.
static bool queue(struct control *control, struct client *client, const struct answer *answer)
{
	if (!answer->is_busy || now_s() - client->heard_s > INQUIRY_S)
		return false;
	client->is_queued = true;
	watch(control, EPOLL_CTL_MOD, client->fd, 0, client);
	return true;
}

// False when the line is to be answered later.
static bool answer_line(struct control *control, struct client *client, size_t length)
{
	json_t *request = json_loadb(client->request, length, JSON_REJECT_DUPLICATES, NULL);
	struct answer answer = { 0 };

	if (!json_is_object(request)) {
		json_decref(request);
		client_refuse(control, client, "a request is one line with a JSON object");
		return true;
	}
	answer_request(&control->source, control->snapshot, request, &answer);
	if (answer.is_capture)
		start_capture(control, client, json_object_get(request, "arguments"), &answer);
	json_decref(request);
	if (queue(control, client, &answer)) {
		json_decref(answer.message);
		return false;
	}
	if (answer.reload == 0 && answer.inquiry == 0) {
		client_reply(control, client, &answer);
		return true;
	}
	json_decref(answer.message);
	client->reload = answer.reload;
	client->inquiry = answer.inquiry;
	// Only a hangup is of interest until there is an answer.
	watch(control, EPOLL_CTL_MOD, client->fd, 0, client);
	return true;
}

// Answers the lines that are there, one after the other.
static void client_answer(struct control *control, struct client *client)
{
	while (client->fd >= 0 && client->reply == NULL && client->reload == 0 &&
			client->inquiry == 0 && !client->is_capturing) {
		char *end = memchr(client->request, '\n', client->request_length);
		size_t length = end == NULL ? 0 : end - client->request;

		if (end == NULL && client->request_length < REQUEST_BYTES)
			return;
		if (end == NULL) {
			client_refuse(control, client, "the request is too long");
			return;
		}
		if (!answer_line(control, client, length))
			return;
		client->request_length -= length + 1;
		memmove(client->request, end + 1, client->request_length);
	}
}

static void client_read(struct control *control, struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->request_length,
			REQUEST_BYTES - client->request_length, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_close(control, client);
		return;
	}
	client->request_length += got;
	client->heard_s = now_s();
	client_answer(control, client);
}

static void client_run(struct control *control, struct client *client, uint32_t events)
{
	if (client->fd < 0)
		return;
	if (client->is_capturing && (events & EPOLLRDHUP) != 0) {
		recorder_stop(control->recorder);
		watch(control, EPOLL_CTL_MOD, client->fd, 0, client);
	}
	if ((events & EPOLLIN) != 0 && client->reply == NULL && client->reload == 0)
		client_read(control, client);
	else if ((events & EPOLLOUT) != 0) {
		client_send(control, client);
		client_answer(control, client);
	} else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_close(control, client);
}

// Sends what there is of a capture, as far as the client takes it.
static void client_capture(struct control *control, struct client *client)
{
	for (int i = 0; i < CAPTURE_PIECES_MAX && client->is_capturing && client->reply == NULL;
			i++) {
		client->reply = malloc(CAPTURE_BYTES);
		if (client->reply == NULL)
			return;
		client->reply_length = recorder_take(
				control->recorder, (uint8_t *)client->reply, CAPTURE_BYTES);
		client->reply_sent = 0;
		client->heard_s = now_s();
		client->is_ending = recorder_is_done(control->recorder);
		if (client->is_ending)
			client->is_capturing = false;
		if (client->reply_length == 0) {
			free(client->reply);
			client->reply = NULL;
			return;
		}
		client_send(control, client);
	}
}

static void client_inquire(struct control *control, struct client *client)
{
	struct answer answer = { 0 };

	if (!answer_inquiry(&control->source, client->inquiry, &answer)) {
		if (now_s() - client->heard_s <= INQUIRY_S)
			return;
		answer.message = json_string("a worker does not answer: 'status' says more");
	}
	client->heard_s = now_s();
	client_reply(control, client, &answer);
	client_answer(control, client);
}

// Tells those who wait for a reload, and gives up who says nothing.
static void client_look(struct control *control, struct client *client)
{
	struct answer answer;

	if (client->is_capturing && client->reply == NULL)
		client_capture(control, client);
	if (client->fd < 0)
		return;
	if (client->reload != 0) {
		if (reload_state(control->source.reload)->ended < client->reload)
			return;
		answer_reload(&control->source, &answer);
		client->heard_s = now_s();
		client_reply(control, client, &answer);
		client_answer(control, client);
	} else if (client->is_queued) {
		client->is_queued = false;
		client_answer(control, client);
	} else if (client->inquiry != 0) {
		client_inquire(control, client);
	} else if (now_s() - client->heard_s > IDLE_S) {
		client_close(control, client);
	}
}

void control_run(struct control *control)
{
	struct epoll_event events[CLIENTS_MAX + 1];

	for (int turn = 0; turn < READS_MAX; turn++) {
		int count = epoll_wait(control->epoll, events, CLIENTS_MAX + 1, 0);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				accept_client(control);
			else
				client_run(control, events[i].data.ptr, events[i].events);
		}
		if (count <= 0)
			break;
	}
	recorder_run(control->recorder);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		client_look(control, &control->clients[i]);
}
