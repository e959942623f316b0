// SPDX-License-Identifier: BSD-3-Clause
#include "control_site.h"

#include "clock.h"
#include "fail.h"
#include "log.h"
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("site");

#define CHART_JS "/usr/share/javascript/chart.js/chart.min.js"

enum {
	FILE_BYTES_MAX = 1 << 20,
	SUMMARY_MS = 1000, // who asks more often gets the same again
};

static const struct file {
	const char *path; // in a URL
	const char *name; // in the folder, or absolute
	const char *content_type;
} files[] = {
	{ "/", "index.html", "text/html; charset=utf-8" },
	{ "/wiretag.css", "wiretag.css", "text/css; charset=utf-8" },
	{ "/wiretag.js", "wiretag.js", "text/javascript; charset=utf-8" },
	{ "/icon.svg", "icon.svg", "image/svg+xml" },
	{ "/chart.js", CHART_JS, "text/javascript; charset=utf-8" },
};

enum {
	FILES = sizeof(files) / sizeof(files[0])
};

struct content {
	char *data; // NULL: not there
	size_t length;
};

struct site {
	struct control_source source;
	struct snapshot *snapshot;
	struct content contents[FILES];
	char *summary; // NULL: none yet
	uint64_t summary_ms; // when it was made
};

static bool content_read(struct content *content, const char *path)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	content->data = malloc(FILE_BYTES_MAX);
	if (content->data != NULL)
		content->length = fread(content->data, 1, FILE_BYTES_MAX, file);
	if (content->data != NULL && (ferror(file) || !feof(file))) {
		free(content->data);
		content->data = NULL;
	}
	fclose(file);
	return content->data != NULL;
}

// Every file but the charts' is needed.
static bool site_read(struct site *site)
{
	char folder[PATH_MAX], path[PATH_MAX + 32];

	place_find(folder, "app/web", "index.html", "web");
	for (int i = 0; i < FILES; i++) {
		if (files[i].name[0] == '/')
			snprintf(path, sizeof(path), "%s", files[i].name);
		else
			snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		if (content_read(&site->contents[i], path))
			continue;
		if (files[i].name[0] != '/') {
			LOG(WARNING, "no status page: cannot read %s", path);
			return false;
		}
		LOG(INFO, "the status page shows no charts: apt-get install libjs-chart.js");
	}
	return true;
}

struct site *site_open(const struct control_source *source)
{
	struct site *site = calloc(1, sizeof(*site));

	if (site == NULL)
		return fail_null(ENOMEM);
	site->source = *source;
	site->snapshot = calloc(1, sizeof(*site->snapshot));
	if (site->snapshot != NULL && site_read(site))
		return site;
	site_close(site);
	return fail_null(ENOENT);
}

void site_close(struct site *site)
{
	if (site == NULL)
		return;
	for (int i = 0; i < FILES; i++)
		free(site->contents[i].data);
	free(site->summary);
	free(site->snapshot);
	free(site);
}

// Asks as a client of the control socket does. The caller frees the text; NULL without memory.
static char *site_ask(struct site *site, json_t *request, bool *is_good)
{
	struct answer answer = { 0 };
	char *text = NULL;

	answer_request(&site->source, site->snapshot, request, &answer);
	json_decref(request);
	if (answer.message != NULL)
		text = json_dumps(
				answer.message, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	json_decref(answer.message);
	*is_good = answer.is_good;
	return text;
}

static void reply_json(struct http_reply *reply, const char *text, bool is_good)
{
	reply->content_type = "application/json";
	if (text == NULL)
		text_add(&reply->text, "{\"error\": \"no memory\"}");
	else
		text_add(&reply->text, text);
	if (text == NULL || !is_good)
		reply->status = text == NULL ? 500 : 404;
}

static void reply_summary(struct site *site, struct http_reply *reply)
{
	bool is_good = true;

	if (site->summary == NULL || clock_ms() - site->summary_ms >= SUMMARY_MS) {
		free(site->summary);
		site->summary = site_ask(site,
				json_pack("{s:s, s:{s:b}}", "command", "summary", "arguments",
						"history", 1),
				&is_good);
		site->summary_ms = clock_ms();
	}
	reply_json(reply, site->summary, is_good);
}

static void reply_host(struct site *site, const char *address, struct http_reply *reply)
{
	bool is_good;
	char *text = site_ask(site,
			json_pack("{s:s, s:{s:s}}", "command", "host", "arguments", "ip", address),
			&is_good);

	reply_json(reply, text, is_good);
	free(text);
}

bool site_answer(void *context, const char *path, struct http_reply *reply)
{
	static const char host[] = "/api/host/";
	struct site *site = context;

	for (int i = 0; i < FILES; i++) {
		if (strcmp(path, files[i].path) != 0 || site->contents[i].data == NULL)
			continue;
		reply->content_type = files[i].content_type;
		reply->data = site->contents[i].data;
		reply->length = site->contents[i].length;
		return true;
	}
	if (strcmp(path, "/api/summary.json") == 0)
		reply_summary(site, reply);
	else if (strncmp(path, host, sizeof(host) - 1) == 0)
		reply_host(site, path + sizeof(host) - 1, reply);
	else
		return false;
	return true;
}
