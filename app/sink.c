// SPDX-License-Identifier: BSD-3-Clause
#include "sink.h"

#include "clock.h"
#include "fail.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LOG_TYPE("events");

enum {
	BUFFER_BYTES = 4 << 20,
	RETRY_NS = 1000000000,
};

// One owner writes, so that load and store do.
static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			memory_order_relaxed);
}

static uint64_t count_lines(const char *bytes, size_t length)
{
	const char *end = bytes + length;
	uint64_t lines = 0;

	while ((bytes = memchr(bytes, '\n', end - bytes)) != NULL) {
		bytes++;
		lines++;
	}
	return lines;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(ENAMETOOLONG);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	// A full backlog is EAGAIN here, and tried again later, too.
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	return fail(error);
}

static int open_file(const char *path)
{
	struct stat status;
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd;

	// Opened for reading as well, a FIFO needs no reader and tells of none that went.
	if (stat(path, &status) == 0 && S_ISFIFO(status.st_mode))
		fd = open(path, O_RDWR | flags);
	else
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | flags, 0640);
	return fd < 0 ? -errno : fd;
}

static int connect_sink(struct sink *sink)
{
	struct stat status = { 0 };
	int fd = STDOUT_FILENO;

	if (sink->kind == SINK_UNIX)
		fd = connect_unix(sink->path);
	else if (sink->kind == SINK_FILE)
		fd = open_file(sink->path);
	sink->error = fd < 0 ? -fd : 0;
	if (fd < 0)
		return fail(-fd);
	fstat(fd, &status);
	sink->fd = fd;
	sink->is_regular = S_ISREG(status.st_mode);
	sink->is_socket = S_ISSOCK(status.st_mode);
	atomic_store_explicit(&sink->is_connected, true, memory_order_relaxed);
	return 0;
}

int sink_open(struct sink *sink, enum sink_kind kind, const char *path)
{
	int ret;

	*sink = (struct sink){ .kind = kind, .path = path, .fd = -1 };
	sink->buffer = malloc(BUFFER_BYTES);
	if (sink->buffer == NULL)
		return fail(ENOMEM);
	ret = connect_sink(sink);
	return kind == SINK_UNIX ? 0 : ret;
}

static void hang_up(struct sink *sink)
{
	if (sink->fd >= 0 && sink->kind != SINK_STDOUT)
		close(sink->fd);
	sink->fd = -1;
	sink->retry_ns = clock_ns() + RETRY_NS;
	atomic_store_explicit(&sink->is_connected, false, memory_order_relaxed);
}

static void drop(struct sink *sink, enum sink_drop reason, uint64_t lines)
{
	count(&sink->dropped[reason], lines);
}

void sink_close(struct sink *sink)
{
	if (sink->buffer == NULL)
		return;
	drop(sink, sink->fd < 0 ? SINK_DROP_NO_READER : SINK_DROP_STALLED,
			count_lines(sink->buffer + sink->start, sink->end - sink->start));
	hang_up(sink);
	free(sink->buffer);
	sink->buffer = NULL;
}

static void show_waiting(struct sink *sink)
{
	atomic_store_explicit(&sink->waiting_bytes, sink->end - sink->start, memory_order_relaxed);
	atomic_store_explicit(&sink->waiting_records, sink->lines, memory_order_relaxed);
}

static void skip(struct sink *sink, size_t length)
{
	sink->start += length;
	if (sink->start == sink->end)
		sink->start = sink->end = 0;
}

// Makes room for `length` bytes at the buffer's end.
static bool has_room(struct sink *sink, size_t length)
{
	const size_t size = BUFFER_BYTES;

	if (size - sink->end >= length)
		return true;
	if (size - (sink->end - sink->start) < length)
		return false;
	memmove(sink->buffer, sink->buffer + sink->start, sink->end - sink->start);
	sink->end -= sink->start;
	sink->start = 0;
	return true;
}

static enum sink_drop reason_full(const struct sink *sink)
{
	if (sink->fd < 0)
		return sink->kind == SINK_FILE ? SINK_DROP_WRITE_FAILED : SINK_DROP_NO_READER;
	return sink->error != 0 ? SINK_DROP_WRITE_FAILED : SINK_DROP_STALLED;
}

void sink_put(struct sink *sink, const char *lines, size_t length)
{
	const char *end = lines + length;

	while (lines < end) {
		const char *newline = memchr(lines, '\n', end - lines);
		size_t line = newline == NULL ? (size_t)(end - lines) :
						(size_t)(newline + 1 - lines);

		// A reader that comes gets what happens from then on.
		if (sink->fd < 0 || !has_room(sink, line)) {
			drop(sink, reason_full(sink), 1);
		} else {
			memcpy(sink->buffer + sink->end, lines, line);
			sink->end += line;
			sink->lines++;
		}
		lines += line;
	}
	show_waiting(sink);
}

// A file that is full takes part of a line: it is cut back to whole ones, and the rest is tried
// again.
static size_t keep_whole_lines(const struct sink *sink, size_t written)
{
	const char *bytes = sink->buffer + sink->start;
	const char *newline = memrchr(bytes, '\n', written);
	size_t whole = newline == NULL ? 0 : newline + 1 - bytes;
	off_t end = lseek(sink->fd, 0, SEEK_END);

	if (end < 0 || ftruncate(sink->fd, end - (off_t)(written - whole)) < 0)
		return written;
	lseek(sink->fd, 0, SEEK_END);
	return whole;
}

// What is taken of the first bytes; -errno, EAGAIN when there is nothing to be had now.
static ssize_t give(struct sink *sink)
{
	struct pollfd ready = { .fd = sink->fd, .events = POLLOUT };
	const char *bytes = sink->buffer + sink->start;
	size_t length = sink->end - sink->start;
	ssize_t sent;

	if (sink->is_socket) {
		sent = send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else if (sink->is_regular) {
		sent = write(sink->fd, bytes, length);
		if (sent > 0 && (size_t)sent < length)
			sent = keep_whole_lines(sink, sent);
		if (sent == 0)
			return -ENOSPC;
	} else {
		// Standard output is shared with others, so it is not made non-blocking; of a pipe
		// that is ready, PIPE_BUF bytes are free.
		if (poll(&ready, 1, 0) == 0)
			return -EAGAIN;
		sent = write(sink->fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
	}
	return sent < 0 ? -errno : sent;
}

static void given(struct sink *sink, size_t length)
{
	const char *bytes = sink->buffer + sink->start;
	const char *newline = memrchr(bytes, '\n', length);
	uint64_t lines = count_lines(bytes, length);

	count(&sink->records, lines);
	sink->lines -= lines;
	sink->begun = newline == NULL ? sink->begun + length :
					(size_t)(bytes + length - (newline + 1));
	skip(sink, length);
}

// The next reader begins with a whole line.
static void forget_begun(struct sink *sink)
{
	const char *bytes = sink->buffer + sink->start;
	const char *newline;

	if (sink->begun == 0)
		return;
	sink->begun = 0;
	newline = memchr(bytes, '\n', sink->end - sink->start);
	skip(sink, newline == NULL ? sink->end - sink->start : (size_t)(newline + 1 - bytes));
	sink->lines--;
	drop(sink, SINK_DROP_NO_READER, 1);
}

void sink_flush(struct sink *sink)
{
	ssize_t sent = 0;

	if (sink->fd < 0 && clock_ns() >= sink->retry_ns && connect_sink(sink) < 0)
		sink->retry_ns = clock_ns() + RETRY_NS;
	while (sink->fd >= 0 && !sink_is_empty(sink)) {
		sent = give(sink);
		if (sent == -EINTR)
			continue;
		if (sent < 0)
			break;
		sink->error = 0;
		given(sink, sent);
	}
	if (sent < 0 && sent != -EAGAIN) {
		sink->error = -sent;
		if (!sink->is_regular && sent != -ENOSPC) {
			forget_begun(sink);
			hang_up(sink);
		}
	}
	show_waiting(sink);
}

void sink_reopen(struct sink *sink)
{
	int old = sink->fd;

	if (sink->kind != SINK_FILE || (old >= 0 && !sink->is_regular))
		return;
	sink_flush(sink);
	if (connect_sink(sink) < 0) {
		LOG(ERR, "events.file '%s': %s%s", sink->path, strerror(errno),
				old < 0 ? "" : "; the old file stays open");
		return;
	}
	if (old >= 0)
		close(old);
}
