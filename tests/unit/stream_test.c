// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"
#include "stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	CLIENT,
	SERVER,
	TEXT_BYTES = 70000,
};

struct fixture {
	struct counters counters;
	struct streams *streams;
	struct stream *stream;
	uint32_t number;
	uint32_t least; // the reader waits for as many bytes, then takes all
	size_t length;
	char text[TEXT_BYTES]; // what was read of the client
};

static void open_streams(struct fixture *f, uint32_t count, uint32_t small, uint32_t large)
{
	const struct streams_config config = { count, small, large, STREAM_WINDOW_BYTES, -1,
		&f->counters };

	streams_free(f->streams);
	memset(f, 0, sizeof(*f));
	f->streams = streams_create(&config);
	assert_non_null(f->streams);
	assert_true(streams_take(f->streams, &f->number));
	f->stream = streams_at(f->streams, f->number);
}

static int create(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	open_streams(*state, 4, 4, 4);
	return 0;
}

static int destroy(void **state)
{
	struct fixture *f = *state;

	streams_free(f->streams);
	free(f);
	return 0;
}

static void read_view(struct fixture *f, struct stream_view *view)
{
	bool is_more;

	do {
		uint32_t count = view->length >= f->least ? view->length : 0;

		assert_true(f->length + count <= sizeof(f->text));
		memcpy(f->text + f->length, view->data, count);
		f->length += count;
		is_more = stream_advance(f->streams, f->stream, CLIENT, view, count);
	} while (is_more);
}

static void segment(struct fixture *f, unsigned side, struct stream_segment what)
{
	struct stream_view view;
	uint8_t *copy = malloc(what.length + 1);

	// Of exactly its size, and gone afterwards, so that the sanitizer sees who looks again.
	memcpy(copy, what.payload != NULL ? what.payload : (const uint8_t *)"", what.length);
	what.payload = copy;
	if (stream_accept(f->streams, f->stream, side, &what) &&
			stream_offer(f->streams, f->stream, side, &what, &view)) {
		if (side == CLIENT)
			read_view(f, &view);
		else
			stream_advance(f->streams, f->stream, side, &view, view.length);
	}
	free(copy);
}

static struct stream_segment of(uint32_t sequence, const char *payload)
{
	return (struct stream_segment){
		.payload = (const uint8_t *)payload,
		.length = (uint32_t)strlen(payload),
		.sequence = sequence,
		.flags = TH_PUSH | TH_ACK,
		.acknowledgment = 5001,
		.window = 1000,
		.scale = STREAM_NO_SCALE,
	};
}

static void say(struct fixture *f, uint32_t sequence, const char *payload)
{
	segment(f, CLIENT, of(sequence, payload));
}

static struct stream_segment control(uint8_t flags, uint32_t sequence, uint32_t acknowledgment)
{
	struct stream_segment what = of(sequence + ((flags & TH_SYN) != 0), "");

	what.flags = flags;
	what.acknowledgment = acknowledgment;
	what.window = 1000;
	return what;
}

// Client numbers from 1001, server numbers from 5001, a window of 1000.
static void shake_hands(struct fixture *f)
{
	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	segment(f, SERVER, control(TH_SYN | TH_ACK, 5000, 1001));
	segment(f, CLIENT, control(TH_ACK, 1001, 5001));
}

static void assert_read(const struct fixture *f, const char *text)
{
	assert_int_equal(f->length, strlen(text));
	assert_memory_equal(f->text, text, f->length);
}

static void in_order_is_never_copied(void **state)
{
	struct fixture *f = *state;

	shake_hands(f);
	for (unsigned i = 0; i < 5; i++) {
		const char byte[2] = { (char)('a' + i), '\0' };

		say(f, 1001 + i, byte);
		assert_int_equal(f->stream->sides[CLIENT].buffer, STREAM_NO_BUFFER);
	}
	say(f, 1006, "fghi");
	assert_read(f, "abcdefghi");
}

static void a_gap_is_filled_in_any_order(void **state)
{
	static const char text[] = "abcdefgh";
	struct fixture *f = *state;
	unsigned order[8], place[8];

	for (unsigned rank = 0; rank < 40320; rank++) {
		unsigned rest = rank;

		for (unsigned i = 0; i < 8; i++)
			place[i] = i;
		for (unsigned i = 0; i < 8; i++) {
			unsigned pick = rest % (8 - i);

			rest /= 8 - i;
			order[i] = place[pick];
			memmove(place + pick, place + pick + 1, (7 - pick) * sizeof(place[0]));
		}
		f->length = 0;
		stream_finish(f->streams, f->stream, CLIENT);
		stream_init(f->stream);
		segment(f, CLIENT, control(TH_SYN, 1000, 0));
		for (unsigned i = 0; i < 8; i++)
			say(f, 1001 + order[i], (const char[2]){ text[order[i]], '\0' });
		assert_read(f, text);
		assert_int_equal(f->stream->sides[CLIENT].buffer, STREAM_NO_BUFFER);
	}
}

static void the_first_bytes_win(void **state)
{
	struct fixture *f = *state;

	shake_hands(f);
	say(f, 1003, "cd");
	say(f, 1003, "XXe"); // the same start, longer
	say(f, 1002, "bYYY"); // covers all, from before
	say(f, 1001, "aZ");
	say(f, 1001, "AAAAAf"); // again, with more at the end
	say(f, 1001, "abc"); // again
	assert_read(f, "abcdef");
}

static void numbers_wrap(void **state)
{
	struct fixture *f = *state;

	segment(f, CLIENT, control(TH_SYN, UINT32_MAX - 2, 0));
	segment(f, SERVER, control(TH_SYN | TH_ACK, 5000, UINT32_MAX - 1));
	say(f, 1, "defg");
	say(f, UINT32_MAX, "bcd");
	say(f, UINT32_MAX - 1, "a");
	assert_read(f, "abcdefg");
}

// Reads what the server's acknowledgement has settled.
static void settle(struct fixture *f)
{
	struct stream_segment settled;
	struct stream_view view;

	if (!stream_settle(f->streams, f->stream, CLIENT, &settled))
		return;
	assert_true(stream_offer(f->streams, f->stream, CLIENT, &settled, &view));
	read_view(f, &view);
	stream_forget(f->streams, f->stream, CLIENT);
}

static void data_of_a_syn_count_unless_the_answer_refuses_them(void **state)
{
	struct stream_segment syn = control(TH_SYN, 1000, 0);
	struct fixture *f = *state;

	syn.payload = (const uint8_t *)"abc";
	syn.length = 3;
	segment(f, CLIENT, syn);
	assert_read(f, "");
	segment(f, SERVER, control(TH_SYN | TH_ACK, 5000, 1004));
	settle(f);
	say(f, 1004, "def");
	assert_read(f, "abcdef");
	open_streams(f, 4, 4, 4);
	segment(f, CLIENT, syn);
	segment(f, SERVER, control(TH_SYN | TH_ACK, 5000, 1001));
	settle(f);
	say(f, 1001, "ghijkl");
	assert_read(f, "ghijkl");
	open_streams(f, 4, 4, 4);
	segment(f, CLIENT, syn);
	segment(f, SERVER, control(TH_SYN | TH_ACK, 5000, 1002)); // a part of it
	settle(f);
	say(f, 1002, "mn");
	assert_read(f, "amn");
}

static void assert_refused(struct fixture *f, struct stream_segment what)
{
	const uint64_t refused = f->counters.segments_refused;

	segment(f, CLIENT, what);
	assert_int_equal(f->counters.segments_refused, refused + 1);
}

// RFC 9293 3.10.7.4, RFC 5961 5.2.
static void what_no_receiver_takes_is_refused(void **state)
{
	struct fixture *f = *state;
	struct stream_segment what = of(1001, "XY");

	shake_hands(f);
	what.flags = TH_PUSH;
	assert_refused(f, what);
	what.flags = 0;
	assert_refused(f, what);
	what.flags = TH_SYN | TH_ACK;
	assert_refused(f, what);
	what.flags = TH_ACK;
	what.acknowledgment = 5002;
	assert_refused(f, what);
	what.acknowledgment = 5001 + (UINT32_C(1) << 30);
	assert_refused(f, what);
	what.acknowledgment = 5001 - 70000;
	assert_refused(f, what);
	say(f, 1001, "abc");
	assert_read(f, "abc");
}

// A connection of which not all is there: what the receiver takes is right.
static void who_took_it_excuses_it(void **state)
{
	struct fixture *f = *state;
	struct stream_segment what = of(1001, "ab");

	shake_hands(f);
	what.acknowledgment = 9001; // of bytes that we did not see
	segment(f, CLIENT, what);
	assert_read(f, "");
	segment(f, SERVER, control(TH_ACK, 9001, 1003));
	settle(f);
	what = of(1003, "cd");
	what.acknowledgment = 9101;
	segment(f, CLIENT, what);
	assert_read(f, "abcd");
}

static void a_port_that_refuses_is_read_no_more(void **state)
{
	struct fixture *f = *state;

	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	segment(f, SERVER, control(TH_RST | TH_ACK, 0, 1001));
	say(f, 1001, "abc");
	assert_read(f, "");
}

static void keep_alives_and_probes_are_no_data(void **state)
{
	struct stream_segment update = control(TH_ACK, 5001, 1003);
	struct fixture *f = *state;

	shake_hands(f);
	say(f, 1000, "X"); // RFC 9293 3.8.4
	say(f, 1001, "ab");
	say(f, 1002, "X");
	update.window = 0;
	segment(f, SERVER, update);
	open_streams(f, 4, 4, 4);
	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	update = control(TH_SYN | TH_ACK, 5000, 1001);
	update.window = 0;
	segment(f, SERVER, update);
	say(f, 1001, "X"); // RFC 9293 3.8.6.1: the window is closed
	assert_read(f, "");
	assert_int_equal(f->counters.segments_refused, 1);
	segment(f, SERVER, control(TH_ACK, 5001, 1001));
	say(f, 1001, "ab");
	assert_read(f, "ab");
}

static void what_is_outside_the_window_is_not_taken(void **state)
{
	struct fixture *f = *state;

	shake_hands(f);
	say(f, 2001, "X");
	say(f, 1001 + 100000, "X");
	say(f, 1001 - 100000, "X");
	say(f, 1001 + (1u << 31), "X");
	say(f, 1001, "ab");
	segment(f, SERVER, control(TH_ACK, 5001, 1003));
	say(f, 1003, "cd");
	assert_read(f, "abcd");
	// With a scale of 3 it is 8000.
	open_streams(f, 4, 4, 4);
	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	segment(f, SERVER,
			(struct stream_segment){ .sequence = 5001,
					.acknowledgment = 1001,
					.window = 1000,
					.scale = 3,
					.flags = TH_SYN | TH_ACK });
	segment(f, SERVER, control(TH_ACK, 5001, 1001));
	say(f, 2002, "c");
	say(f, 9001, "X");
	assert_int_equal(f->counters.segments_refused, 1);
	assert_int_not_equal(f->stream->sides[CLIENT].buffer, STREAM_NO_BUFFER);
}

static void without_acknowledgements_a_window_does_not_stop_the_next_byte(void **state)
{
	struct fixture *f = *state;
	char block[501];

	memset(block, 'a', 500);
	block[500] = '\0';
	shake_hands(f);
	for (unsigned i = 0; i < 20; i++)
		say(f, 1001 + 500 * i, block);
	assert_int_equal(f->length, 10000);
}

static void a_wrong_checksum_is_no_data_unless_all_are_wrong(void **state)
{
	struct stream_segment wrong = of(1001, "X");
	struct fixture *f = *state;

	wrong.is_wrong = true;
	shake_hands(f);
	segment(f, CLIENT, wrong);
	say(f, 1001, "ab");
	assert_read(f, "ab");
	assert_int_equal(f->counters.segments_wrong, 1);
	open_streams(f, 4, 4, 4);
	segment(f, CLIENT, wrong);
	assert_read(f, "X");
	wrong.sequence++;
	segment(f, CLIENT, wrong);
	assert_read(f, "XX");
}

// Captures are edited: what the receiver took was right.
static void an_acknowledgement_settles_a_doubt(void **state)
{
	struct stream_segment wrong = of(1001, "ab"), settled;
	struct fixture *f = *state;
	struct stream_view view;

	wrong.is_wrong = true;
	wrong.number = 7;
	shake_hands(f);
	segment(f, CLIENT, wrong);
	assert_false(stream_settle(f->streams, f->stream, CLIENT, &settled));
	segment(f, SERVER, control(TH_ACK, 5001, 1003));
	assert_true(stream_settle(f->streams, f->stream, CLIENT, &settled));
	assert_int_equal(settled.number, 7);
	assert_true(stream_offer(f->streams, f->stream, CLIENT, &settled, &view));
	read_view(f, &view);
	stream_forget(f->streams, f->stream, CLIENT);
	say(f, 1003, "cd");
	assert_read(f, "abcd");
	// Not where a right one came instead.
	wrong.sequence = 1005;
	segment(f, CLIENT, wrong);
	say(f, 1005, "ef");
	segment(f, SERVER, control(TH_ACK, 5001, 1007));
	assert_false(stream_settle(f->streams, f->stream, CLIENT, &settled));
	assert_read(f, "abcdef");
}

static void only_the_next_number_resets(void **state)
{
	struct fixture *f = *state;

	shake_hands(f);
	segment(f, CLIENT, control(TH_RST, 1000, 0));
	segment(f, CLIENT, control(TH_RST, 1002, 0));
	segment(f, SERVER, control(TH_RST, 7001, 0));
	segment(f, CLIENT, control(TH_SYN, 800000, 0));
	segment(f, CLIENT, control(TH_SYN, 1002, 0));
	say(f, 1001, "ab");
	assert_read(f, "ab");
	segment(f, CLIENT, control(TH_RST, 1003, 0));
	say(f, 1003, "X");
	assert_read(f, "ab");
	assert_int_equal(f->stream->sides[SERVER].state, STREAM_DONE);
}

static void an_answer_with_other_numbers_is_another_connection(void **state)
{
	struct fixture *f = *state;

	shake_hands(f);
	say(f, 1001, "ab");
	segment(f, CLIENT, control(TH_SYN, 900000000, 0));
	segment(f, SERVER, control(TH_SYN | TH_ACK, 3000000000, 900000001));
	say(f, 900000001, "cd");
	say(f, 1003, "X");
	assert_read(f, "abcd");
	segment(f, SERVER, control(TH_SYN | TH_ACK, 3000000000, 900000001)); // again
	say(f, 900000003, "ef");
	assert_read(f, "abcdef");
}

static void a_syn_that_the_receiver_did_not_believe_is_forgotten(void **state)
{
	struct fixture *f = *state;

	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	segment(f, SERVER, control(TH_ACK, 5001, 700000000)); // RFC 5961 4: a challenge
	say(f, 700000000, "ab");
	assert_read(f, "ab");
}

static void old_timestamps_are_refused(void **state)
{
	struct stream_segment what = of(1001, "a");
	struct fixture *f = *state;

	shake_hands(f);
	what.has_timestamp = true;
	what.timestamp = UINT32_MAX;
	segment(f, CLIENT, what);
	what = of(1002, "X");
	what.has_timestamp = true;
	what.timestamp = UINT32_MAX - 1;
	segment(f, CLIENT, what);
	what.timestamp = 3; // wraps
	what.payload = (const uint8_t *)"b";
	segment(f, CLIENT, what);
	assert_read(f, "ab");
	assert_int_equal(f->counters.segments_refused, 1);
}

static void one_direction_and_the_middle_will_do(void **state)
{
	struct fixture *f = *state;

	say(f, 77, "ab");
	say(f, 81, "ef");
	say(f, 79, "cd");
	assert_read(f, "abcdef");
}

static void a_reader_that_waits_sees_it_grow(void **state)
{
	struct fixture *f = *state;
	char expected[15001];

	f->least = 15000;
	shake_hands(f);
	for (unsigned i = 0; i < 15000; i++) {
		expected[i] = (char)('a' + i % 26);
		say(f, 1001 + i, (const char[2]){ expected[i], '\0' });
	}
	expected[15000] = '\0';
	assert_read(f, expected);
}

// A body that is skipped need not come in order, and what waits behind it is shown.
static void what_is_skipped_is_never_kept(void **state)
{
	struct fixture *f = *state;
	struct stream_segment what = of(1001, "head");
	struct stream_view view;

	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	assert_true(stream_accept(f->streams, f->stream, CLIENT, &what));
	assert_true(stream_offer(f->streams, f->stream, CLIENT, &what, &view));
	assert_false(stream_advance(f->streams, f->stream, CLIENT, &view, 4 + 100000));
	what = of(1005 + 100003, "more");
	assert_true(stream_accept(f->streams, f->stream, CLIENT, &what));
	assert_false(stream_offer(f->streams, f->stream, CLIENT, &what, &view));
	say(f, 1005, "body");
	say(f, 1005 + 90000, "body");
	assert_read(f, "");
	say(f, 1005 + 99990, "0123456789one");
	assert_read(f, "onemore");
	// A gap that is skipped together with what was shown.
	say(f, 1005 + 100014, "far");
	what = of(1005 + 100007, "near");
	assert_true(stream_accept(f->streams, f->stream, CLIENT, &what));
	assert_true(stream_offer(f->streams, f->stream, CLIENT, &what, &view));
	assert_int_equal(view.length, 4);
	assert_true(stream_advance(f->streams, f->stream, CLIENT, &view, 8));
	assert_int_equal(view.length, 2);
	assert_memory_equal(view.data, "ar", 2);
	assert_false(stream_advance(f->streams, f->stream, CLIENT, &view, 2));
}

static void who_waits_longest_gives_way(void **state)
{
	struct fixture *f = *state;
	struct stream_segment what = of(1002, "b");
	struct stream_view view;
	uint32_t numbers[3];

	open_streams(f, 4, 2, 0);
	f->least = 1;
	for (unsigned i = 0; i < 3; i++)
		assert_true(streams_take(f->streams, &numbers[i]));
	assert_false(streams_take(f->streams, &numbers[0]));
	assert_int_equal(streams_oldest(f->streams), f->number);
	streams_touch(f->streams, f->number);
	assert_int_equal(streams_oldest(f->streams), numbers[0]);
	segment(f, CLIENT, control(TH_SYN, 1000, 0));
	for (unsigned i = 0; i < 3; i++) {
		struct stream *stream = streams_at(f->streams, numbers[i]);
		struct stream_segment syn = control(TH_SYN, 1000, 0);

		stream_accept(f->streams, stream, CLIENT, &syn);
		assert_true(stream_accept(f->streams, stream, CLIENT, &what));
		assert_false(stream_offer(f->streams, stream, CLIENT, &what, &view));
	}
	assert_int_equal(f->counters.stream_buffers_lost, 1);
	assert_int_equal(streams_at(f->streams, numbers[0])->sides[CLIENT].state, STREAM_DONE);
	assert_int_equal(streams_at(f->streams, numbers[1])->sides[CLIENT].state, STREAM_START);
	say(f, 1001, "needs none");
	assert_read(f, "needs none");
	say(f, 1001 + 3000, "too long for a small one");
	assert_int_equal(f->counters.stream_buffers_lost, 2);
	assert_int_equal(f->stream->sides[CLIENT].state, STREAM_DONE);
	assert_int_equal(f->counters.streams, 4);
	streams_give(f->streams, numbers[1]);
	assert_true(streams_take(f->streams, &numbers[1]));
}

static void what_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	struct streams_config config = { 0, 1, 1, 100, -1, &f->counters };

	assert_null(streams_create(&config));
	assert_int_equal(errno, EINVAL);
	config.streams = 1;
	config.budget = STREAM_WINDOW_BYTES + 1;
	assert_null(streams_create(&config));
	config.budget = 1;
	config.counters = NULL;
	assert_null(streams_create(&config));
	streams_free(NULL);
}

// RFC 1071 sums of a segment with odd length and options.
static void headers_are_read(void **)
{
	static uint8_t frame[] = { 0x04, 0x00, 0x00, 0x50, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 0x90,
		0x18, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 3, 7, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 0, 'a',
		'b', 'c' };
	struct flow_key key = { .ends = { { { [10] = 0xff, 0xff, 10, 0, 0, 1 } },
						{ { [10] = 0xff, 0xff, 10, 0, 0, 2 } } } };
	struct packet packet = { .data = frame,
		.payload = frame + 36,
		.payload_length = 3,
		.protocol = 6,
		.tcp_flags = TH_PUSH | TH_ACK };
	struct stream_segment read;
	uint32_t sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + sizeof(frame);

	for (size_t i = 0; i < sizeof(frame); i++)
		sum += (uint32_t)frame[i] << (i % 2 == 0 ? 8 : 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[16] = (uint8_t)(sum >> 8);
	frame[17] = (uint8_t)sum;
	stream_segment_read(&read, &packet, &key, false);
	assert_false(read.is_wrong);
	assert_int_equal(read.sequence, UINT32_MAX);
	assert_int_equal(read.acknowledgment, 0x01020304);
	assert_int_equal(read.window, 0x1234);
	assert_int_equal(read.scale, 7);
	assert_true(read.has_timestamp);
	assert_int_equal(read.timestamp, 0x01020304);
	assert_int_equal(read.length, 3);
	for (size_t i = 0; i < sizeof(frame); i++) {
		if (i == 12)
			continue; // the header's length
		frame[i] ^= 0x10;
		stream_segment_read(&read, &packet, &key, false);
		assert_true(read.is_wrong);
		stream_segment_read(&read, &packet, &key, true);
		assert_false(read.is_wrong);
		packet.flags = PACKET_TRUNCATED;
		stream_segment_read(&read, &packet, &key, false);
		assert_false(read.is_wrong);
		packet.flags = 0;
		frame[i] ^= 0x10;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_is_never_copied),
		TEST(a_gap_is_filled_in_any_order),
		TEST(the_first_bytes_win),
		TEST(numbers_wrap),
		TEST(data_of_a_syn_count_unless_the_answer_refuses_them),
		TEST(what_no_receiver_takes_is_refused),
		TEST(who_took_it_excuses_it),
		TEST(a_port_that_refuses_is_read_no_more),
		TEST(keep_alives_and_probes_are_no_data),
		TEST(what_is_outside_the_window_is_not_taken),
		TEST(without_acknowledgements_a_window_does_not_stop_the_next_byte),
		TEST(a_wrong_checksum_is_no_data_unless_all_are_wrong),
		TEST(an_acknowledgement_settles_a_doubt),
		TEST(only_the_next_number_resets),
		TEST(an_answer_with_other_numbers_is_another_connection),
		TEST(a_syn_that_the_receiver_did_not_believe_is_forgotten),
		TEST(old_timestamps_are_refused),
		TEST(one_direction_and_the_middle_will_do),
		TEST(a_reader_that_waits_sees_it_grow),
		TEST(what_is_skipped_is_never_kept),
		TEST(who_waits_longest_gives_way),
		TEST(what_cannot_be_is_refused),
		cmocka_unit_test(headers_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
