// SPDX-License-Identifier: BSD-3-Clause
#include "../../app/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/capture_test.XXXXXX";
static char message[CAPTURE_MESSAGE_BYTES];

// Two frames of 6 and 4 bytes, the second cut from 9, in microseconds.
static const uint8_t pcap_sample[] = {
	0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, //
	0x10, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, //
	0x11, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 7, 8, 9, 10, //
};
// The same frames, with the time in nanoseconds (option if_tsresol 9).
static const uint8_t pcapng_sample[] = {
	0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, //
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0, //
	1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, //
	9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, //
	6, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0x58, 0x1b, 0xac, 0xb9, //
	6, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 40, 0, 0, 0, //
	6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0x40, 0xe9, 0x46, 0xf5, //
	4, 0, 0, 0, 9, 0, 0, 0, 7, 8, 9, 10, 36, 0, 0, 0, //
};

struct form {
	const uint8_t *data;
	size_t size;
	size_t header; // what must be there before it can be opened
	size_t frame_ends[2];
};
static const struct form forms[] = {
	{ pcap_sample, sizeof(pcap_sample), 24, { 46, 66 } },
	{ pcapng_sample, sizeof(pcapng_sample), 60, { 100, 136 } },
};

static void put(const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void assert_line_with_offset(size_t offset)
{
	char start[64];

	snprintf(start, sizeof(start), "%s: byte %zu: ", path, offset);
	if (strncmp(message, start, strlen(start)) != 0)
		fail_msg("\"%s\" does not begin \"%s\"", message, start);
	assert_null(strchr(message, '\n'));
	assert_true(strlen(message) > strlen(start));
}

static void assert_first_frame(const struct frame *frame)
{
	assert_int_equal(frame->length, 6);
	assert_int_equal(frame->wire_length, 6);
	assert_memory_equal(frame->data, "\1\2\3\4\5\6", 6);
}

static void assert_second_frame(const struct frame *frame)
{
	assert_int_equal(frame->length, 4);
	assert_int_equal(frame->wire_length, 9);
	assert_memory_equal(frame->data, "\7\10\11\12", 4);
}

static unsigned read_all(struct capture *capture, enum capture_result *end)
{
	struct frame frame;
	unsigned count = 0;

	while ((*end = capture_next(capture, &frame, message)) == CAPTURE_FRAME) {
		if (count++ == 0)
			assert_first_frame(&frame);
		else
			assert_second_frame(&frame);
	}
	return count;
}

static void check_prefix(const struct form *form, size_t size)
{
	unsigned whole = (size >= form->frame_ends[0]) + (size >= form->frame_ends[1]);
	bool ends_well = size == form->header || size == form->frame_ends[0] ||
			size == form->frame_ends[1];
	enum capture_result end;
	struct capture *capture;

	put(form->data, size);
	capture = capture_open(path, message);
	if (size < form->header) {
		assert_null(capture);
		assert_line_with_offset(size);
		return;
	}
	assert_non_null(capture);
	assert_int_equal(capture_size(capture), size);
	assert_int_equal(read_all(capture, &end), whole);
	assert_int_equal(end, ends_well ? CAPTURE_END : CAPTURE_BROKEN);
	if (!ends_well)
		assert_line_with_offset(size);
	assert_int_equal(capture_position(capture), size);
	capture_close(capture);
}

static void says_where_a_file_is_cut(void **)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (size_t size = 0; size <= forms[i].size; size++)
			check_prefix(&forms[i], size);
}

static void reads_times_to_the_nanosecond(void **)
{
	static const uint64_t times[][2] = {
		{ 16000007000, 17000008000 },
		{ (3ull << 32) + 0xb9ac1b58, (3ull << 32) + 0xf546e940 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct capture *capture;
		struct frame frame;

		put(forms[i].data, forms[i].size);
		capture = capture_open(path, message);
		assert_non_null(capture);
		assert_int_equal(capture_link(capture), LINK_ETHERNET);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(capture_next(capture, &frame, message), CAPTURE_FRAME);
			assert_int_equal(frame.time_ns, times[i][j]);
		}
		capture_close(capture);
	}
}

static void knows_its_link_types(void **)
{
	static const struct {
		uint8_t linktype;
		uint8_t high;
		int link; // -1: not read
	} types[] = {
		{ 1, 0, LINK_ETHERNET },
		{ 113, 0, LINK_SLL },
		{ 276 - 256, 1, LINK_SLL2 },
		{ 101, 0, LINK_RAW },
		{ 12, 0, LINK_RAW },
		{ 14, 0, LINK_RAW },
		{ 228, 0, LINK_RAW },
		{ 229, 0, LINK_RAW },
		{ 105, 0, -1 },
		{ 0, 0, -1 },
		{ 147, 0, -1 },
	};
	uint8_t data[sizeof(pcap_sample)];

	memcpy(data, pcap_sample, sizeof(data));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct capture *capture;

		data[20] = types[i].linktype;
		data[21] = types[i].high;
		put(data, sizeof(data));
		capture = capture_open(path, message);
		if (types[i].link >= 0) {
			assert_non_null(capture);
			assert_int_equal(capture_link(capture), types[i].link);
		} else {
			assert_null(capture);
			assert_non_null(strstr(message, path));
			assert_non_null(strstr(message, "link type"));
			assert_null(strchr(message, '\n'));
		}
		capture_close(capture);
	}
}

static void refuses_what_is_no_capture(void **)
{
	static const char text[] = "#!/bin/sh\necho this is not a capture, and it is long enough\n";

	put(text, sizeof(text));
	assert_null(capture_open(path, message));
	assert_line_with_offset(0);
	assert_null(capture_open("/nowhere/at/all", message));
	assert_string_equal(message, "/nowhere/at/all: No such file or directory");
	assert_null(capture_open("/tmp", message));
	assert_non_null(strstr(message, "/tmp: "));
	assert_non_null(strstr(message, "Is a directory"));
}

static void tells_the_offset_of_a_bad_record(void **)
{
	uint8_t data[sizeof(pcap_sample)];
	enum capture_result end;
	struct capture *capture;

	memcpy(data, pcap_sample, sizeof(data));
	data[46 + 8 + 3] = 0x7f; // the second frame claims 2 GB
	put(data, sizeof(data));
	capture = capture_open(path, message);
	assert_non_null(capture);
	assert_int_equal(read_all(capture, &end), 1);
	assert_int_equal(end, CAPTURE_BROKEN);
	assert_line_with_offset(46 + 16);
	capture_close(capture);
}

// Standard input is a pipe: no size, but offsets all the same.
static void reads_standard_input(void **)
{
	int saved = dup(STDIN_FILENO);
	enum capture_result end;
	struct capture *capture;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], pcap_sample, 60), 60);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	capture = capture_open("-", message);
	assert_non_null(capture);
	assert_int_equal(capture_size(capture), 0);
	assert_int_equal(read_all(capture, &end), 1);
	assert_int_equal(end, CAPTURE_BROKEN);
	assert_non_null(strstr(message, "-: byte 60: "));
	capture_close(capture);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

// What goes through a writer comes back the same, byte for byte in a file of the same form.
static void writes_what_it_read(void **)
{
	char copy[] = "/tmp/capture_test.XXXXXX";
	uint8_t data[sizeof(pcap_sample) + 1];
	struct capture_writer *writer;
	struct capture *capture;
	struct frame frame;
	int fd = mkstemp(copy);

	put(pcap_sample, sizeof(pcap_sample));
	capture = capture_open(path, message);
	assert_non_null(capture);
	writer = capture_create(copy, capture, message);
	assert_non_null(writer);
	assert_int_equal(capture_accepts(writer, capture, message), 0);
	while (capture_next(capture, &frame, message) == CAPTURE_FRAME)
		assert_int_equal(capture_write(writer, &frame), 0);
	assert_int_equal(capture_finish(writer), 0);
	capture_close(capture);
	assert_int_equal(read(fd, data, sizeof(data)), sizeof(pcap_sample));
	assert_memory_equal(data, pcap_sample, sizeof(pcap_sample));
	close(fd);
	unlink(copy);
}

static struct capture *open_sample(const uint8_t *data, size_t size)
{
	struct capture *capture;

	put(data, size);
	capture = capture_open(path, message);
	assert_non_null(capture);
	return capture;
}

static void keeps_link_types_and_precisions_apart(void **)
{
	struct capture *first = open_sample(pcap_sample, sizeof(pcap_sample));
	struct capture_writer *writer = capture_create("/dev/null", first, message);
	uint8_t cooked[sizeof(pcap_sample)];
	struct capture *other;

	assert_non_null(writer);
	other = open_sample(pcapng_sample, sizeof(pcapng_sample));
	assert_int_equal(capture_accepts(writer, other, message), -EINVAL);
	assert_non_null(strstr(message, "nanoseconds"));
	capture_close(other);
	memcpy(cooked, pcap_sample, sizeof(cooked));
	cooked[20] = 113;
	other = open_sample(cooked, sizeof(cooked));
	assert_int_equal(capture_accepts(writer, other, message), -EINVAL);
	assert_non_null(strstr(message, "link type"));
	capture_close(other);
	capture_close(first);
	assert_int_equal(capture_finish(writer), 0);
}

static void does_not_overwrite_what_it_reads(void **)
{
	struct capture *capture = open_sample(pcap_sample, sizeof(pcap_sample));
	struct stat status;

	assert_null(capture_create(path, capture, message));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, sizeof(pcap_sample));
	capture_close(capture);
}

static void reports_a_full_disk(void **)
{
	struct capture *capture = open_sample(pcap_sample, sizeof(pcap_sample));
	struct capture_writer *writer = capture_create("/dev/full", capture, message);
	struct frame frame;

	assert_non_null(writer);
	assert_int_equal(capture_next(capture, &frame, message), CAPTURE_FRAME);
	capture_write(writer, &frame);
	assert_int_equal(capture_finish(writer), -ENOSPC);
	assert_null(capture_create("/nowhere/out.pcap", capture, message));
	assert_non_null(strstr(message, "/nowhere/out.pcap: No such file or directory"));
	capture_close(capture);
}

static int create_file(void **)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	return close(fd);
}

static int remove_file(void **)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_where_a_file_is_cut),
		cmocka_unit_test(reads_times_to_the_nanosecond),
		cmocka_unit_test(knows_its_link_types),
		cmocka_unit_test(refuses_what_is_no_capture),
		cmocka_unit_test(tells_the_offset_of_a_bad_record),
		cmocka_unit_test(reads_standard_input),
		cmocka_unit_test(writes_what_it_read),
		cmocka_unit_test(keeps_link_types_and_precisions_apart),
		cmocka_unit_test(does_not_overwrite_what_it_reads),
		cmocka_unit_test(reports_a_full_disk),
	};

	return cmocka_run_group_tests(tests, create_file, remove_file);
}
