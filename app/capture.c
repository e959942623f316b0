// SPDX-License-Identifier: BSD-3-Clause
#include "capture.h"

#include "fail.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 1 << 18
};

struct capture {
	const char *path;
	pcap_t *pcap;
	FILE *file; // owned by `pcap` once that is open
	int descriptor;
	uint64_t position; // bytes handed to stdio
	uint64_t size;
	uint32_t magic; // the file's first bytes, in our byte order
	dev_t device; // with `inode`: which file it is
	ino_t inode;
	enum link link;
};

struct capture_writer {
	const char *path;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	int datalink;
	bool nanoseconds;
	dev_t device;
	ino_t inode;
};

static ssize_t source_read(void *cookie, char *buffer, size_t size)
{
	struct capture *capture = cookie;
	ssize_t count;

	do
		count = read(capture->descriptor, buffer, size);
	while (count < 0 && errno == EINTR);
	if (capture->position == 0 && count >= (ssize_t)sizeof(capture->magic))
		memcpy(&capture->magic, buffer, sizeof(capture->magic));
	if (count > 0)
		capture->position += count;
	return count;
}

// Only tells where it is, so that ftello() works on pipes as well.
static int source_seek(void *cookie, off64_t *offset, int whence)
{
	struct capture *capture = cookie;

	if (whence != SEEK_CUR || *offset != 0)
		return fail(ESPIPE);
	*offset = capture->position;
	return 0;
}

static int source_close(void *cookie)
{
	struct capture *capture = cookie;

	return close(capture->descriptor);
}

static int source_open(struct capture *capture)
{
	const cookie_io_functions_t source = { source_read, NULL, source_seek, source_close };
	struct stat status;
	int ret;

	capture->descriptor = strcmp(capture->path, "-") == 0 ?
			dup(STDIN_FILENO) :
			open(capture->path, O_RDONLY | O_CLOEXEC);
	if (capture->descriptor < 0)
		return fail(errno);
	if (fstat(capture->descriptor, &status) < 0)
		goto err_descriptor;
	capture->device = status.st_dev;
	capture->inode = status.st_ino;
	capture->size = S_ISREG(status.st_mode) ? status.st_size : 0;
	capture->file = fopencookie(capture, "r", source);
	if (capture->file == NULL)
		goto err_descriptor;
	setvbuf(capture->file, NULL, _IOFBF, BUFFER_BYTES);
	return 0;

err_descriptor:
	ret = errno;
	close(capture->descriptor);
	return fail(ret);
}

// The link types that decode knows, by libpcap's numbers; -1 for others. Raw IP has several: what
// is DLT_RAW differs between systems, and files carry LINKTYPE_RAW (101).
static int link_of(int datalink)
{
	switch (datalink) {
	case DLT_EN10MB:
		return LINK_ETHERNET;
	case DLT_LINUX_SLL:
		return LINK_SLL;
	case DLT_LINUX_SLL2:
		return LINK_SLL2;
	case 12:
	case 14:
	case 101:
	case DLT_IPV4:
	case DLT_IPV6:
		return LINK_RAW;
	default:
		return -1;
	}
}

static void describe_link(const struct capture *capture, char message[CAPTURE_MESSAGE_BYTES])
{
	int datalink = pcap_datalink(capture->pcap);
	const char *name = pcap_datalink_val_to_name(datalink);

	snprintf(message, CAPTURE_MESSAGE_BYTES,
			"%s: link type %d (%s) is not read; Ethernet, Linux cooked v1 and v2 and raw IP are",
			capture->path, datalink, name == NULL ? "no name" : name);
}

// A file cut short: where it ends. A header that is none of ours: where it starts.
static void describe_header(const struct capture *capture, const char *error,
		char message[CAPTURE_MESSAGE_BYTES])
{
	long long offset = feof(capture->file) ? ftello(capture->file) : 0;

	if (ferror(capture->file))
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: %s", capture->path, error);
	else
		snprintf(message, CAPTURE_MESSAGE_BYTES,
				"%s: byte %lld: expected the header of a pcap or pcapng file: %s",
				capture->path, offset, error);
}

struct capture *capture_open(const char *path, char message[CAPTURE_MESSAGE_BYTES])
{
	struct capture *capture = calloc(1, sizeof(*capture));
	char error[PCAP_ERRBUF_SIZE] = "";
	int link;

	if (capture == NULL)
		goto err_system;
	capture->path = path;
	if (source_open(capture) < 0)
		goto err_system;
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(
			capture->file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (capture->pcap == NULL) {
		describe_header(capture, error, message);
		fclose(capture->file);
		goto err_capture;
	}
	link = link_of(pcap_datalink(capture->pcap));
	if (link < 0) {
		describe_link(capture, message);
		goto err_pcap;
	}
	capture->link = link;
	return capture;

err_pcap:
	pcap_close(capture->pcap);
err_capture:
	free(capture);
	return fail_null(EINVAL);
err_system:
	snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: %s", path, strerror(errno));
	free(capture);
	return NULL;
}

void capture_close(struct capture *capture)
{
	if (capture == NULL)
		return;
	pcap_close(capture->pcap);
	free(capture);
}

enum capture_result capture_next(
		struct capture *capture, struct frame *frame, char message[CAPTURE_MESSAGE_BYTES])
{
	struct pcap_pkthdr *header;
	int ret = pcap_next_ex(capture->pcap, &header, &frame->data);

	if (ret == PCAP_ERROR_BREAK)
		return CAPTURE_END;
	if (ret != 1) {
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: byte %lld: %s", capture->path,
				(long long)ftello(capture->file), pcap_geterr(capture->pcap));
		return CAPTURE_BROKEN;
	}
	frame->length = header->caplen < CAPTURE_FRAME_MAX ? header->caplen : CAPTURE_FRAME_MAX;
	frame->wire_length = header->len > frame->length ? header->len : frame->length;
	// The precision was asked for: tv_usec holds nanoseconds.
	frame->time_ns = (uint64_t)header->ts.tv_sec * 1000000000 + (uint64_t)header->ts.tv_usec;
	return CAPTURE_FRAME;
}

enum link capture_link(const struct capture *capture)
{
	return capture->link;
}

uint64_t capture_position(const struct capture *capture)
{
	return capture->position;
}

uint64_t capture_size(const struct capture *capture)
{
	return capture->size;
}

// Only the classic format with this magic number, in either byte order, is known to be in
// microseconds. pcapng may have any unit.
static bool has_nanoseconds(const struct capture *capture)
{
	return capture->magic != 0xa1b2c3d4 && capture->magic != 0xd4c3b2a1;
}

static int open_dumper(struct capture_writer *writer, char message[CAPTURE_MESSAGE_BYTES])
{
	struct stat status;

	writer->pcap = pcap_open_dead_with_tstamp_precision(writer->datalink, CAPTURE_FRAME_MAX,
			writer->nanoseconds ? PCAP_TSTAMP_PRECISION_NANO :
					      PCAP_TSTAMP_PRECISION_MICRO);
	if (writer->pcap == NULL) {
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: no memory", writer->path);
		return fail(ENOMEM);
	}
	writer->dumper = pcap_dump_open(writer->pcap, writer->path);
	if (writer->dumper == NULL) {
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s", pcap_geterr(writer->pcap));
		pcap_close(writer->pcap);
		return fail(EIO);
	}
	if (fstat(fileno(pcap_dump_file(writer->dumper)), &status) == 0) {
		writer->device = status.st_dev;
		writer->inode = status.st_ino;
	}
	return 0;
}

struct capture_writer *capture_create(
		const char *path, const struct capture *like, char message[CAPTURE_MESSAGE_BYTES])
{
	struct capture_writer *writer;
	struct stat status;

	if (stat(path, &status) == 0 && status.st_dev == like->device &&
			status.st_ino == like->inode) {
		snprintf(message, CAPTURE_MESSAGE_BYTES,
				"%s: would be overwritten while it is read", path);
		return fail_null(EINVAL);
	}
	writer = calloc(1, sizeof(*writer));
	if (writer == NULL) {
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: %s", path, strerror(errno));
		return NULL;
	}
	writer->path = path;
	writer->datalink = pcap_datalink(like->pcap);
	writer->nanoseconds = has_nanoseconds(like);
	if (open_dumper(writer, message) < 0) {
		free(writer);
		return NULL;
	}
	return writer;
}

int capture_accepts(const struct capture_writer *writer, const struct capture *from,
		char message[CAPTURE_MESSAGE_BYTES])
{
	int datalink = pcap_datalink(from->pcap);

	if (datalink != writer->datalink)
		snprintf(message, CAPTURE_MESSAGE_BYTES,
				"%s: its link type is %d, that of %s is %d; one file holds one",
				from->path, datalink, writer->path, writer->datalink);
	else if (has_nanoseconds(from) && !writer->nanoseconds)
		snprintf(message, CAPTURE_MESSAGE_BYTES,
				"%s: has nanoseconds, %s was begun with microseconds; read this one first",
				from->path, writer->path);
	else if (from->device == writer->device && from->inode == writer->inode)
		snprintf(message, CAPTURE_MESSAGE_BYTES, "%s: is the file that is being written",
				from->path);
	else
		return 0;
	return fail(EINVAL);
}

int capture_write(struct capture_writer *writer, const struct frame *frame)
{
	uint64_t part = frame->time_ns % 1000000000;
	const struct pcap_pkthdr header = {
		.ts.tv_sec = frame->time_ns / 1000000000,
		.ts.tv_usec = writer->nanoseconds ? part : part / 1000,
		// A tag can make the longest frame longer than readers accept.
		.caplen = frame->length < CAPTURE_FRAME_MAX ? frame->length : CAPTURE_FRAME_MAX,
		.len = frame->wire_length,
	};

	errno = 0;
	pcap_dump((u_char *)writer->dumper, &header, frame->data);
	if (!ferror(pcap_dump_file(writer->dumper)))
		return 0;
	return fail(errno == 0 ? EIO : errno);
}

int capture_finish(struct capture_writer *writer)
{
	FILE *file = pcap_dump_file(writer->dumper);
	int error = 0;

	errno = 0;
	if (fflush(file) != 0 || ferror(file))
		error = errno == 0 ? EIO : errno;
	pcap_dump_close(writer->dumper);
	pcap_close(writer->pcap);
	free(writer);
	return error == 0 ? 0 : fail(error);
}
