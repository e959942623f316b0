// SPDX-License-Identifier: BSD-3-Clause
#include "save.h"

#include "dial.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK_STATISTICS = 5, // of pcapng
	BLOCK_PACKET = 6,
	OPTION_DROPPED = 5,
	HEAD_BYTES = 8, // type and length
	STATISTICS_BYTES = 20, // before its options
	BLOCK_BYTES_MAX = 1 << 16,
};

static int connection = -1; // for the signal handler

struct save {
	const struct request *request;
	const char *path;
	FILE *in, *out;
	uint64_t packets, lost;
	bool has_end; // the file is whole
	time_t shown;
	uint8_t block[BLOCK_BYTES_MAX];
};

// wiretag sends what it still has, and the end.
static void on_signal(int)
{
	int error = errno;

	shutdown(connection, SHUT_WR);
	errno = error;
}

static uint32_t word_at(const uint8_t *data)
{
	uint32_t word;

	memcpy(&word, data, sizeof(word));
	return word;
}

// What the last block says of packets that are missing.
static void read_statistics(struct save *save, uint32_t length)
{
	uint32_t at = STATISTICS_BYTES;

	while (at + 16 <= length) {
		uint32_t head = word_at(save->block + at);

		if ((head & UINT16_MAX) == OPTION_DROPPED)
			memcpy(&save->lost, save->block + at + 4, sizeof(save->lost));
		at += 4 + (((head >> 16) + 3) & ~UINT32_C(3));
	}
	save->has_end = true;
}

static void show_progress(struct save *save)
{
	time_t now = time(NULL);

	if (now == save->shown || !isatty(STDERR_FILENO))
		return;
	save->shown = now;
	fprintf(stderr, "\r%" PRIu64 " packets, Ctrl-C ends it ", save->packets);
}

// One block from wiretag to the file. False at the end.
static bool copy_block(struct save *save)
{
	uint32_t type, length;

	if (fread(save->block, 1, HEAD_BYTES, save->in) != HEAD_BYTES)
		return false;
	type = word_at(save->block);
	length = word_at(save->block + 4);
	if (length < HEAD_BYTES + 4 || length > BLOCK_BYTES_MAX ||
			fread(save->block + HEAD_BYTES, 1, length - HEAD_BYTES, save->in) !=
					length - HEAD_BYTES)
		return false;
	if (type == BLOCK_PACKET)
		save->packets++;
	else if (type == BLOCK_STATISTICS)
		read_statistics(save, length);
	if (fwrite(save->block, 1, length, save->out) != length)
		return false;
	// Whoever reads a pipe wants to see packets as they come.
	if (save->out == stdout && fflush(save->out) != 0)
		return false;
	show_progress(save);
	return true;
}

static int save_all(struct save *save)
{
	bool is_written;

	while (copy_block(save))
		;
	is_written = !ferror(save->out) && fflush(save->out) == 0;
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
	fprintf(stderr, "%" PRIu64 " packets in %s, %" PRIu64 " found no room and are missing\n",
			save->packets, save->path, save->lost);
	if (!is_written)
		fprintf(stderr, "wiretagctl: cannot write %s: %s\n", save->path, strerror(errno));
	else if (!save->has_end)
		fprintf(stderr, "wiretagctl: wiretag ended before the capture did\n");
	return is_written && save->has_end ? EXIT_DONE : EXIT_HOST;
}

// Asks for it and opens the file only when there will be something to write.
static int begin(struct save *save)
{
	json_t *arguments = json_copy(save->request->arguments), *message;
	int status;

	json_object_del(arguments, "file");
	message = ask_message(save->in,
			json_pack("{s:s, s:o}", "command", "capture", "arguments", arguments),
			&status);
	if (message == NULL)
		return status;
	json_decref(message);
	fgetc(save->in); // the end of the line
	save->out = strcmp(save->path, "-") == 0 ? stdout : fopen(save->path, "wbe");
	if (save->out != NULL)
		return EXIT_DONE;
	fprintf(stderr, "wiretagctl: %s: %s\n", save->path, strerror(errno));
	return EXIT_INPUT;
}

static int save_run_in(struct save *save)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int status;

	save->in = dial(save->request->socket);
	if (save->in == NULL) {
		dial_complain(save->request->socket);
		return EXIT_HOST;
	}
	connection = fileno(save->in);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = begin(save);
	if (status == EXIT_DONE)
		status = save_all(save);
	if (save->out != NULL && save->out != stdout && fclose(save->out) != 0)
		status = EXIT_HOST;
	fclose(save->in);
	return status;
}

int save_run(const struct request *request)
{
	struct save *save = calloc(1, sizeof(*save));
	int status;

	if (save == NULL)
		return EXIT_HOST;
	save->request = request;
	save->path = string_of(request->arguments, "file");
	if (strcmp(save->path, "-") == 0 && isatty(STDOUT_FILENO)) {
		fprintf(stderr,
				"wiretagctl: a capture is nothing to look at: name a file, or pipe "
				"it into tshark -r -\n");
		free(save);
		return EXIT_USAGE;
	}
	status = save_run_in(save);
	free(save);
	return status;
}
