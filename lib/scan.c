// SPDX-License-Identifier: BSD-3-Clause
#include "scan.h"

#include "fail.h"

#include <hs.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan_database {
	hs_database_t *database;
	size_t bytes;
	atomic_uint users;
};

struct scan_scratch {
	hs_scratch_t *scratch; // NULL: there is nothing to scan for
	size_t bytes;
};

// A pattern as the engine takes it.
struct compiled {
	char *expression; // owned by whoever asked for it
	unsigned flags;
};

// A value is bytes, so '.' is any byte; what may match nothing is allowed, as `.*` is. A searched
// pattern is reported at its first end; a whole one has only one, and is cheaper without the flag.
static int prepare(const struct scan_pattern *pattern, struct compiled *compiled)
{
	compiled->flags = HS_FLAG_DOTALL | HS_FLAG_ALLOWEMPTY;
	if (!pattern->whole)
		compiled->flags |= HS_FLAG_SINGLEMATCH;
	if (pattern->caseless)
		compiled->flags |= HS_FLAG_CASELESS;
	if (asprintf(&compiled->expression, pattern->whole ? "\\A(?:%s)\\z" : "%s",
			    pattern->expression) < 0)
		return fail(ENOMEM);
	return 0;
}

// Puts what the engine said in one line, and frees it.
static void take_message(hs_compile_error_t *error, char *message, size_t size)
{
	snprintf(message, size, "%s", error->message);
	for (char *c = message; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	hs_free_compile_error(error);
}

int scan_check(const struct scan_pattern *pattern, char *message, size_t size)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	struct compiled compiled;
	hs_expr_info_t *info = NULL;
	hs_error_t ret;

	if (hs_valid_platform() != HS_SUCCESS) {
		snprintf(message, size, "this CPU lacks SSSE3, which Hyperscan needs");
		return fail(EINVAL);
	}
	if (prepare(pattern, &compiled) < 0) {
		snprintf(message, size, "no memory to compile it");
		return fail(EINVAL);
	}
	// By itself first: `a)|(?:b` is at fault, though it is none between our parentheses.
	ret = hs_expression_info(pattern->expression, compiled.flags, &info, &error);
	if (ret == HS_SUCCESS)
		ret = hs_compile(compiled.expression, compiled.flags, HS_MODE_BLOCK, NULL,
				&database, &error);
	if (ret != HS_SUCCESS)
		take_message(error, message, size);
	free(info);
	free(compiled.expression);
	hs_free_database(database);
	return ret == HS_SUCCESS ? 0 : fail(EINVAL);
}

// The end of a character class; NULL: there is another one in it.
static const char *class_end(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	if (*c == ']')
		c++;
	for (; *c != ']'; c++) {
		if (*c == '[' || *c == '\0')
			return NULL;
		if (*c == '\\' && c[1] != '\0')
			c++;
	}
	return c;
}

// Whether it matches at the start of a value only. To say no to some that do does no harm: those with
// literal parts, nested classes, comments or options.
static bool is_anchored(const char *expression)
{
	int depth = 0;

	if (expression[0] != '^' || strpbrk(expression + 1, "*?+{") == expression + 1 ||
			strstr(expression, "\\Q") != NULL)
		return false;
	for (const char *c = expression; *c != '\0'; c++) {
		if (*c == '[') {
			c = class_end(c);
			if (c == NULL)
				return false;
		} else if (*c == '\\' && c[1] != '\0') {
			c++;
		} else if (*c == '(' && c[1] == '?' && c[2] != ':') {
			return false;
		} else if (*c == '(' || *c == ')') {
			depth += *c == '(' ? 1 : -1;
		} else if (*c == '|' && depth == 0) {
			return false;
		}
	}
	return depth == 0;
}

size_t scan_reach(const struct scan_pattern *pattern)
{
	const unsigned flags = HS_FLAG_DOTALL | HS_FLAG_ALLOWEMPTY;
	hs_compile_error_t *error = NULL;
	hs_expr_info_t *info = NULL;
	size_t reach = SIZE_MAX;

	if (pattern->whole || !is_anchored(pattern->expression))
		return SIZE_MAX;
	if (hs_expression_info(pattern->expression, flags, &info, &error) != HS_SUCCESS) {
		hs_free_compile_error(error);
		return SIZE_MAX;
	}
	// One more, for \B looks at what comes next.
	if (info->max_width != UINT_MAX && !info->matches_at_eod)
		reach = (size_t)info->max_width + 1;
	free(info);
	return reach;
}

static struct scan_database *compile(const char *const *expressions, const unsigned *flags,
		const unsigned *ids, unsigned count)
{
	struct scan_database *database = calloc(1, sizeof(*database));
	hs_compile_error_t *error = NULL;
	hs_error_t ret;

	if (database == NULL)
		return fail_null(ENOMEM);
	atomic_init(&database->users, 1);
	ret = hs_compile_multi(expressions, flags, ids, count, HS_MODE_BLOCK, NULL,
			&database->database, &error);
	if (ret == HS_SUCCESS)
		ret = hs_database_size(database->database, &database->bytes);
	if (ret == HS_SUCCESS)
		return database;
	hs_free_compile_error(error);
	scan_database_free(database);
	return fail_null(ret == HS_COMPILER_ERROR ? EINVAL : ENOMEM);
}

struct scan_database *scan_compile(const struct scan_pattern *patterns, unsigned count)
{
	char **expressions = calloc(count, sizeof(*expressions));
	unsigned *flags = calloc(count, sizeof(*flags));
	unsigned *ids = calloc(count, sizeof(*ids));
	struct scan_database *database = NULL;
	struct compiled compiled;
	int error = ENOMEM;

	if (count == 0) {
		error = EINVAL;
		goto out;
	}
	if (expressions == NULL || flags == NULL || ids == NULL)
		goto out;
	for (unsigned i = 0; i < count; i++) {
		if (prepare(&patterns[i], &compiled) < 0)
			goto out;
		expressions[i] = compiled.expression;
		flags[i] = compiled.flags;
		ids[i] = i;
	}
	database = compile((const char *const *)expressions, flags, ids, count);
	error = errno;
out:
	for (unsigned i = 0; expressions != NULL && i < count; i++)
		free(expressions[i]);
	free(expressions);
	free(flags);
	free(ids);
	return database != NULL ? database : fail_null(error);
}

void scan_database_free(struct scan_database *database)
{
	if (database == NULL || atomic_fetch_sub(&database->users, 1) > 1)
		return;
	hs_free_database(database->database);
	free(database);
}

struct scan_database *scan_database_share(struct scan_database *database)
{
	atomic_fetch_add(&database->users, 1);
	return database;
}

size_t scan_database_bytes(const struct scan_database *database)
{
	return database->bytes;
}

struct scan_scratch *scan_scratch_create(struct scan_database *const *databases, unsigned count)
{
	struct scan_scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return fail_null(ENOMEM);
	for (unsigned i = 0; i < count; i++)
		if (databases[i] != NULL &&
				hs_alloc_scratch(databases[i]->database, &scratch->scratch) !=
						HS_SUCCESS)
			goto err_scratch;
	if (scratch->scratch != NULL &&
			hs_scratch_size(scratch->scratch, &scratch->bytes) != HS_SUCCESS)
		goto err_scratch;
	return scratch;

err_scratch:
	scan_scratch_free(scratch);
	return fail_null(ENOMEM);
}

void scan_scratch_free(struct scan_scratch *scratch)
{
	if (scratch != NULL)
		hs_free_scratch(scratch->scratch);
	free(scratch);
}

size_t scan_scratch_bytes(const struct scan_scratch *scratch)
{
	return scratch->bytes;
}

struct found {
	uint32_t *matches;
	unsigned count;
	unsigned max;
};

static int on_match(unsigned id, unsigned long long, unsigned long long, unsigned, void *context)
{
	struct found *found = context;

	found->matches[found->count++] = id;
	return found->count == found->max; // ends the scan
}

unsigned scan_block(const struct scan_database *database, struct scan_scratch *scratch,
		const void *data, size_t length, uint32_t *matches, unsigned max)
{
	struct found found = { matches, 0, max };

	// The engine takes no NULL, not even for an empty value, and 32 bits of length.
	if (max > 0 && length <= UINT32_MAX)
		hs_scan(database->database, length > 0 ? data : "", length, 0, scratch->scratch,
				on_match, &found);
	return found.count;
}

const char *scan_engine(void)
{
	static _Thread_local char name[64];

	snprintf(name, sizeof(name), "Hyperscan %s", hs_version());
	return name;
}
