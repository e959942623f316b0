// SPDX-License-Identifier: BSD-3-Clause
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	LINE_BYTES = 1000, // of every line of many()
	LINES = 8000, // more than any buffer holds
};

static char directory[] = "/tmp/wiretag-sink-XXXXXX";
static char path[64], other[64];
static struct sink sink;
static uint64_t put; // lines

static int set_up(void **)
{
	snprintf(path, sizeof(path), "%s/a", directory);
	snprintf(other, sizeof(other), "%s/b", directory);
	put = 0;
	return 0;
}

static uint64_t dropped(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < SINK_DROP_COUNT; i++)
		sum += sink.dropped[i];
	return sum;
}

// Every line was taken, or counted as dropped.
static int tear_down(void **)
{
	sink_close(&sink);
	assert_int_equal(sink.records + dropped(), put);
	unlink(path);
	unlink(other);
	return 0;
}

// Line number `put`, padded.
static void put_line(void)
{
	char line[LINE_BYTES + 1];

	snprintf(line, sizeof(line), "%-*lu\n", LINE_BYTES - 1, put++);
	sink_put(&sink, line, LINE_BYTES);
}

static void put_many(void)
{
	for (int i = 0; i < LINES; i++) {
		put_line();
		sink_flush(&sink);
	}
}

// The whole lines of a file, each of which is numbered higher than the one before.
static unsigned check_lines(const char *name)
{
	FILE *file = fopen(name, "r");
	char line[2 * LINE_BYTES];
	unsigned lines = 0;
	long last = -1;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		assert_int_equal(strlen(line), LINE_BYTES);
		assert_true(strtol(line, NULL, 10) > last);
		last = strtol(line, NULL, 10);
		lines++;
	}
	fclose(file);
	return lines;
}

static void a_file_takes_all(void **)
{
	assert_int_equal(sink_open(&sink, SINK_FILE, path), 0);
	put_many();
	assert_true(sink_is_empty(&sink));
	assert_int_equal(sink.records, LINES);
	assert_int_equal(check_lines(path), LINES);
}

static void rotation_loses_and_cuts_nothing(void **)
{
	assert_int_equal(sink_open(&sink, SINK_FILE, path), 0);
	put_line();
	sink_flush(&sink);
	assert_int_equal(rename(path, other), 0);
	put_line(); // before the sink knows
	sink_reopen(&sink);
	put_line();
	sink_flush(&sink);
	assert_int_equal(check_lines(other), 2);
	assert_int_equal(check_lines(path), 1);
	assert_int_equal(sink.records, 3);
}

// Nothing is better than an open file that was renamed.
static void a_file_that_cannot_be_reopened_stays(void **)
{
	assert_int_equal(sink_open(&sink, SINK_FILE, path), 0);
	assert_int_equal(rename(path, other), 0);
	sink.path = "/nonexistent/file";
	sink_reopen(&sink);
	put_line();
	sink_flush(&sink);
	assert_int_equal(check_lines(other), 1);
}

static void what_cannot_be_opened_says_why(void **)
{
	assert_int_equal(sink_open(&sink, SINK_FILE, "/nonexistent/file"), -ENOENT);
	put_line();
	assert_int_equal(sink.dropped[SINK_DROP_WRITE_FAILED], 1);
}

static void set_file_size(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A full disk takes half a line: the file ends with a whole one at any time, and goes on later.
static void a_full_disk_cuts_no_line(void **)
{
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(sink_open(&sink, SINK_FILE, path), 0);
	set_file_size(10 * LINE_BYTES + LINE_BYTES / 2);
	put_many();
	assert_int_equal(check_lines(path), 10);
	assert_int_equal(sink.records, 10);
	assert_true(sink.dropped[SINK_DROP_WRITE_FAILED] > 0);
	set_file_size(RLIM_INFINITY);
	sink_flush(&sink);
	assert_true(sink_is_empty(&sink));
	put_line();
	sink_flush(&sink);
	assert_int_equal(check_lines(path), sink.records);
	assert_int_equal(sink.records + dropped(), put);
}

// Nobody reads: what fits waits, the rest is dropped, and nothing blocks.
static void a_fifo_without_a_reader_stalls_nobody(void **)
{
	char line[LINE_BYTES];
	unsigned lines = 0;
	int reader;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(sink_open(&sink, SINK_FILE, path), 0);
	put_many();
	assert_true(sink.dropped[SINK_DROP_STALLED] > 0);
	assert_true(sink.waiting_bytes > 0);
	assert_int_equal(sink.waiting_records, sink.waiting_bytes / LINE_BYTES);
	assert_int_equal(sink.dropped[SINK_DROP_STALLED], dropped());
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	for (;;) {
		sink_flush(&sink);
		if (read(reader, line, LINE_BYTES) != LINE_BYTES)
			break;
		assert_int_equal(strtol(line, NULL, 10), lines++);
		assert_int_equal(line[LINE_BYTES - 1], '\n');
	}
	close(reader);
	assert_int_equal(sink.waiting_records, 0);
	assert_int_equal(lines, sink.records);
	assert_int_equal(sink.records + dropped(), put);
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void connect_now(void)
{
	sink.retry_ns = 0;
	sink_flush(&sink);
	assert_true(sink.is_connected);
}

static void a_reader_gets_whole_lines_whenever_it_comes(void **)
{
	char line[LINE_BYTES];
	int listener, reader;

	assert_int_equal(sink_open(&sink, SINK_UNIX, path), 0);
	put_line();
	assert_int_equal(sink.dropped[SINK_DROP_NO_READER], 1);
	assert_false(sink.is_connected);

	listener = listen_at(path);
	connect_now();
	reader = accept(listener, NULL, NULL);
	put_many(); // stalls
	assert_true(sink.dropped[SINK_DROP_STALLED] > 0);
	assert_true(sink.begun > 0 || sink.records > 0);
	assert_int_equal(recv(reader, line, LINE_BYTES, MSG_WAITALL), LINE_BYTES);
	assert_int_equal(strtol(line, NULL, 10), 1);
	close(reader);
	sink_flush(&sink);
	assert_false(sink.is_connected);

	connect_now();
	assert_int_equal(sink.waiting_records, (sink.waiting_bytes + LINE_BYTES - 1) / LINE_BYTES);
	reader = accept(listener, NULL, NULL);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(recv(reader, line, LINE_BYTES, MSG_WAITALL), LINE_BYTES);
		assert_int_equal(line[LINE_BYTES - 1], '\n');
		assert_null(memchr(line, '\n', LINE_BYTES - 1));
	}
	close(reader);
	close(listener);
}

static void a_path_that_is_too_long_is_no_crash(void **)
{
	char name[300];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sink_open(&sink, SINK_UNIX, name), 0);
	assert_int_equal(sink.error, ENAMETOOLONG);
	put_line();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_takes_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rotation_loses_and_cuts_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				a_file_that_cannot_be_reopened_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_opened_says_why, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_cuts_no_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				a_fifo_without_a_reader_stalls_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				a_reader_gets_whole_lines_whenever_it_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				a_path_that_is_too_long_is_no_crash, set_up, tear_down),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
