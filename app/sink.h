// SPDX-License-Identifier: BSD-3-Clause
// Where event records go: a file or FIFO, standard output, or the unix socket of a reader.
//
// A sink holds whole lines in a buffer of fixed size and gives them away as fast as they are taken;
// what finds no room is dropped and counted, a line at a time. Nothing here waits, but for a disk
// that is slow to write a regular file. A regular file always ends with a whole line; a reader that
// comes back gets no rest of a line.
//
// Thread: one owner; counts may be read by any thread.
#pragma once

#include "snapshot.h"

#include <stdatomic.h>
#include <stddef.h>

enum sink_kind {
	SINK_FILE, // appended to; a FIFO takes what fits, read or not
	SINK_STDOUT,
	SINK_UNIX, // a stream socket that a reader listens at
};

struct sink {
	enum sink_kind kind;
	const char *path; // borrowed
	int fd; // -1: not connected
	int error; // of the last try to open or write, errno; 0: none
	bool is_regular, is_socket;
	char *buffer;
	size_t start, end; // what waits
	size_t begun; // bytes of the first line that were sent already
	uint64_t lines; // that wait, the first one whole or not
	uint64_t retry_ns; // when to try to open again, monotonic

	_Atomic uint64_t records; // lines that were taken
	_Atomic uint64_t dropped[SINK_DROP_COUNT]; // lines
	_Atomic uint64_t waiting_bytes;
	_Atomic uint64_t waiting_records;
	atomic_bool is_connected;
};

// 0 or -errno; a socket without a reader is tried again later. Close with sink_close() in any case.
int sink_open(struct sink *sink, enum sink_kind kind, const char *path);
// What still waits is dropped and counted.
void sink_close(struct sink *sink);

// Takes whole lines.
void sink_put(struct sink *sink, const char *lines, size_t length);
// Gives away what is taken now. About every 20 ms: it also looks for lost readers.
void sink_flush(struct sink *sink);
// Opens a regular file anew by its name, between two lines. When that fails, which is logged, the
// old one stays.
void sink_reopen(struct sink *sink);

static inline bool sink_is_empty(const struct sink *sink)
{
	return sink->start == sink->end;
}
