// SPDX-License-Identifier: BSD-3-Clause
#include "application.h"

#include "fail.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME_BYTES = 32 // with the terminator
};

// A name is written before the count that covers it is published, and never changes afterwards.
static char names[APP_MAX][NAME_BYTES] = { "unknown", "skype" };
static atomic_int name_count = 2;

static bool is_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return length > 0 && length < NAME_BYTES && name[length] == '\0';
}

static int no_number(int error)
{
	errno = error;
	return -1;
}

int application_number(const char *name)
{
	int count = atomic_load_explicit(&name_count, memory_order_relaxed);

	if (!is_name(name))
		return no_number(EINVAL);
	for (int number = 0; number < count; number++)
		if (strcmp(names[number], name) == 0)
			return number;
	if (count == APP_MAX)
		return no_number(ENOSPC);
	snprintf(names[count], sizeof(names[count]), "%s", name);
	atomic_store_explicit(&name_count, count + 1, memory_order_release);
	return count;
}

const char *application_name(uint8_t number)
{
	return number < application_count() ? names[number] : names[APP_UNKNOWN];
}

int application_count(void)
{
	return atomic_load_explicit(&name_count, memory_order_acquire);
}

static const char *const confidences[] = {
	[CONFIDENCE_NONE] = "none",
	[CONFIDENCE_WEAK] = "weak",
	[CONFIDENCE_STRONG] = "strong",
	[CONFIDENCE_CERTAIN] = "certain",
};

const char *confidence_name(enum confidence confidence)
{
	return confidences[confidence];
}

int confidence_of(const char *name)
{
	for (int i = CONFIDENCE_WEAK; i <= CONFIDENCE_CERTAIN; i++)
		if (strcmp(confidences[i], name) == 0)
			return i;
	return -1;
}

static const char *const roles[FLOW_ROLE_COUNT] = {
	[FLOW_ROLE_VERSION_CHECK] = "version-check",
	[FLOW_ROLE_LOGIN] = "login",
	[FLOW_ROLE_P2P] = "p2p",
	[FLOW_ROLE_CALL] = "call",
	[FLOW_ROLE_FILE_TRANSFER] = "file-transfer",
	[FLOW_ROLE_SERVICE] = "service",
};

const char *role_name(enum role role)
{
	return roles[role];
}

int role_of(const char *name)
{
	for (int i = FLOW_ROLE_NONE + 1; i < FLOW_ROLE_COUNT; i++)
		if (strcmp(roles[i], name) == 0)
			return i;
	return -1;
}

static const struct {
	const char *name;
	const char *words;
} signals[SIGNAL_COUNT] = {
#define SIGNAL(name, label, words) { label, words },
#include "signals.def"
#undef SIGNAL
};
static_assert(SIGNAL_COUNT <= 32, "a flow keeps one bit for each signal");

const char *signal_name(enum signal signal)
{
	return signals[signal].name;
}

const char *signal_words(enum signal signal)
{
	return signals[signal].words;
}
