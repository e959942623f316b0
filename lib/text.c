// SPDX-License-Identifier: BSD-3-Clause
#include "text.h"

#include "fail.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_BYTES = 4096
};

void text_fini(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

void text_clear(struct text *text)
{
	text->length = 0;
	text->failed = false;
	if (text->data != NULL)
		text->data[0] = '\0';
}

// Makes room for `bytes` more and a terminator.
static bool reserve(struct text *text, size_t bytes)
{
	size_t capacity = text->capacity != 0 ? text->capacity : FIRST_BYTES;
	char *data;

	if (text->failed)
		return false;
	while (capacity - text->length <= bytes && capacity <= SIZE_MAX / 4)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	data = capacity - text->length > bytes ? realloc(text->data, capacity) : NULL;
	if (data == NULL) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

static void append(struct text *text, const char *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	append(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !reserve(text, length)) {
		text->failed = true;
		return;
	}
	va_start(arguments, format);
	vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += length;
}

void text_escape(struct text *text, const char *string)
{
	for (;;) {
		size_t plain = strcspn(string, "\\\"\n");

		append(text, string, plain);
		string += plain;
		if (*string == '\0')
			return;
		text_add(text, *string == '\n' ? "\\n" : *string == '"' ? "\\\"" : "\\\\");
		string++;
	}
}

int text_error(const struct text *text)
{
	return text->failed ? fail(ENOMEM) : 0;
}
