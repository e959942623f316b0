// SPDX-License-Identifier: BSD-3-Clause
#include "options_digest.h"

#include "options_files.h"
#include "options_print.h"

#include <glob.h>
#include <nettle/sha2.h>
#include <stdlib.h>

static void add_file(struct sha256_ctx *sha256, const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t bytes[4096];
	size_t got;

	if (file == NULL)
		return;
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		sha256_update(sha256, got, bytes);
	fclose(file);
}

// A file, or a directory of files: as rules_add_path() takes them.
static void add_path(void *sha256, const char *path, const struct yaml_node *)
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };

	add_file(sha256, path);
	snprintf(pattern, sizeof(pattern), "%s/*.yaml", path);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_file(sha256, found.gl_pathv[i]);
	globfree(&found);
}

void options_digest(const struct options *options, char digest[POLICY_DIGEST_BYTES])
{
	struct complaints complaints = { 0 };
	uint8_t bytes[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha256;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	sha256_init(&sha256);
	if (stream != NULL) {
		options_dump(options, stream);
		if (fclose(stream) == 0)
			sha256_update(&sha256, length, (const uint8_t *)text);
		free(text);
	}
	files_each(options->rule_files, &complaints, add_path, &sha256);
	complaints_fini(&complaints);
	sha256_digest(&sha256, sizeof(bytes), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(digest + 2 * i, 3, "%02x", bytes[i]);
}
