// SPDX-License-Identifier: BSD-3-Clause
#include "http.h"

#include "clock.h"
#include "fail.h"
#include "health.h"
#include "listener.h"
#include "log.h"
#include "metric.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("http");

enum {
	CONNECTIONS_MAX = 8,
	TIMEOUT_S = 5,
	RUNS_MAX = 16, // of MHD_run() in one http_run()
};

struct http {
	struct MHD_Daemon *daemon;
	struct listener listener;
	struct web_config *web; // NULL: everybody may ask
	char secure_url[LISTENER_URL_BYTES + 1]; // while there is TLS
	struct snapshot_source source;
	struct snapshot *snapshot;
	uint64_t scrape_ns; // what the last page of metrics took
	http_delegate_answer *delegate; // NULL: none
	void *delegate_context;
};

// 0, a status other than 200, or -errno.
typedef int page_writer(struct text *text, const struct snapshot *snapshot);

static page_writer write_index, write_healthy, write_ready;

static const struct page {
	const char *path;
	const char *content_type;
	page_writer *write;
} pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_write },
	{ "/-/healthy", "text/plain; charset=utf-8", write_healthy },
	{ "/-/ready", "application/json", write_ready },
	{ "/healthz", "text/plain; charset=utf-8", write_healthy },
	{ "/readyz", "application/json", write_ready },
	{ "/", "text/html; charset=utf-8", write_index },
};

// To who asks for it, in the place of "/metrics".
#define OPENMETRICS "application/openmetrics-text"
static const struct page open_metrics = { "/metrics", OPENMETRICS "; version=1.0.0; charset=utf-8",
	metrics_write_open };

enum {
	PAGES = sizeof(pages) / sizeof(pages[0])
};

static int write_index(struct text *text, const struct snapshot *)
{
	text_add(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<title>wiretag</title>\n<ul>\n");
	for (unsigned i = 0; i < PAGES; i++)
		text_printf(text, "<li><a href=\"%s\">%s</a></li>\n", pages[i].path, pages[i].path);
	text_add(text, "</ul>\n</html>\n");
	return text_error(text);
}

// The manager runs, or nobody would answer.
static int write_healthy(struct text *text, const struct snapshot *)
{
	text_add(text, "wiretag is healthy.\n");
	return text_error(text);
}

static int write_ready(struct text *text, const struct snapshot *snapshot)
{
	struct health health;

	health_check(snapshot, &health);
	text_printf(text, "{\"ready\": %s, \"reasons\": [", health.is_ready ? "true" : "false");
	for (unsigned i = 0; i < health.line_count; i++) {
		text_add(text, i == 0 ? "\"" : ", \"");
		text_escape(text, health.lines[i]);
		text_add(text, "\"");
	}
	text_add(text, "]}\n");
	if (text_error(text) < 0)
		return text_error(text);
	return health.is_ready ? 0 : MHD_HTTP_SERVICE_UNAVAILABLE;
}

// Nothing but what comes from here runs in a page, and nobody else may frame it.
#define CONTENT_POLICY                                                                             \
	"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Takes over `response`.
static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned status,
		const char *content_type, struct MHD_Response *response)
{
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy", CONTENT_POLICY);
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
				"Basic realm=\"wiretag\", charset=\"UTF-8\"");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

// Takes over what `text` holds.
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status,
		const char *content_type, struct text *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
			text->length, text->data, MHD_RESPMEM_MUST_FREE);

	if (response == NULL)
		text_fini(text);
	return send_response(connection, status, content_type, response);
}

static enum MHD_Result reply_line(
		struct MHD_Connection *connection, unsigned status, const char *line)
{
	struct text text = { 0 };

	text_add(&text, line);
	return reply(connection, status, "text/plain; charset=utf-8", &text);
}

static enum MHD_Result reply_page(
		struct http *http, struct MHD_Connection *connection, const struct page *page)
{
	uint64_t start_ns = clock_ns();
	struct text text = { 0 };
	int ret;

	http->source.gather(http->source.context, http->snapshot);
	http->snapshot->scrape_ns = http->scrape_ns;
	ret = page->write(&text, http->snapshot);
	if (ret < 0) {
		text_fini(&text);
		return reply_line(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "No memory.\n");
	}
	if (page->write == metrics_write || page->write == metrics_write_open)
		http->scrape_ns = clock_ns() - start_ns;
	return reply(connection, ret == 0 ? MHD_HTTP_OK : (unsigned)ret, page->content_type, &text);
}

static const struct page *find_page(struct MHD_Connection *connection, const char *path)
{
	const char *accept = MHD_lookup_connection_value(
			connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	if (strcmp(path, open_metrics.path) == 0 && accept != NULL &&
			strcasestr(accept, OPENMETRICS) != NULL)
		return &open_metrics;
	for (unsigned i = 0; i < PAGES; i++)
		if (strcmp(path, pages[i].path) == 0)
			return &pages[i];
	return NULL;
}

static enum MHD_Result reply_delegated(
		struct MHD_Connection *connection, struct http_reply *delegated)
{
	if (delegated->data == NULL)
		return reply(connection, delegated->status, delegated->content_type,
				&delegated->text);
	return send_response(connection, delegated->status, delegated->content_type,
			MHD_create_response_from_buffer(delegated->length,
					(void *)(uintptr_t)delegated->data,
					MHD_RESPMEM_PERSISTENT));
}

static bool has_certificate(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned status = 0;

	return info != NULL && gnutls_certificate_verify_peers2(info->tls_session, &status) == 0 &&
			status == 0;
}

// 0, or the status that refuses to answer.
static unsigned check_access(const struct web_config *web, struct MHD_Connection *connection)
{
	enum web_access access;
	char *user, *password = NULL;

	if (web == NULL)
		return 0;
	if (web->client_ca != NULL && !has_certificate(connection))
		return MHD_HTTP_FORBIDDEN;
	if (!web_config_asks(web))
		return 0;
	user = MHD_basic_auth_get_username_password(connection, &password);
	access = web_config_access(web, user, password);
	MHD_free(user);
	MHD_free(password);
	return access == WEB_GRANTED	    ? 0 :
			access == WEB_LATER ? MHD_HTTP_TOO_MANY_REQUESTS :
					      MHD_HTTP_UNAUTHORIZED;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
		const char *method, const char *, const char *, size_t *, void **)
{
	struct http_reply delegated = { .status = MHD_HTTP_OK };
	struct http *http = context;
	const struct page *page;
	unsigned refusal = check_access(http->web, connection);

	if (refusal != 0)
		return reply_line(connection, refusal, "Who asks is not known here.\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				"Only GET and HEAD are answered.\n");
	if (http->delegate != NULL && http->delegate(http->delegate_context, path, &delegated))
		return reply_delegated(connection, &delegated);
	page = find_page(connection, path);
	if (page != NULL)
		return reply_page(http, connection, page);
	return reply_line(connection, MHD_HTTP_NOT_FOUND, "No such page: / lists all.\n");
}

__attribute__((format(printf, 2, 0))) static void log_daemon(
		void *, const char *format, va_list arguments)
{
	char line[256];

	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	LOG(DEBUG, "%s", line);
}

static struct MHD_Daemon *start(struct http *http)
{
	struct web_config *web = http->web;
	bool has_tls = web != NULL && web->cert != NULL;
	struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, has_tls ? web->cert : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, has_tls ? web->key : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, has_tls ? (void *)web->priorities : NULL },
		{ MHD_OPTION_END, 0, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (has_tls && web->client_ca != NULL)
		tls[3] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, web->client_ca };
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | (has_tls ? MHD_USE_TLS : 0), 0,
			NULL, NULL, answer, http, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
			MHD_OPTION_LISTEN_SOCKET, http->listener.fd, MHD_OPTION_CONNECTION_LIMIT,
			(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
			(unsigned)TIMEOUT_S, MHD_OPTION_ARRAY, has_tls ? tls : plain,
			MHD_OPTION_END);
}

static void warn(const struct http *http)
{
	const struct web_config *web = http->web;
	bool has_tls = web != NULL && web->cert != NULL;
	bool asks = web != NULL && (web->client_ca != NULL || web_config_asks(web));

	if (!http->listener.is_public)
		return;
	if (!asks)
		LOG(WARNING,
				"%s is open to everybody who reaches that address: no password is "
				"asked (metrics.web_config)",
				http_url(http));
	else if (!has_tls)
		LOG(WARNING, "%s: passwords can be read on the way: no TLS (metrics.web_config)",
				http_url(http));
}

struct http *http_open(
		const char *listen, struct web_config *web, const struct snapshot_source *source)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		goto err_web;
	http->source = *source;
	http->snapshot = calloc(1, sizeof(*http->snapshot));
	if (http->snapshot == NULL)
		goto err_http;
	if (listener_open(&http->listener, listen, "metrics.listen") < 0)
		goto err_snapshot;
	if (http->listener.unix_path != NULL)
		snprintf(http->secure_url, sizeof(http->secure_url), "%s", http->listener.url);
	else
		snprintf(http->secure_url, sizeof(http->secure_url), "https%s",
				http->listener.url + strlen("http"));
	http->web = web;
	http->daemon = start(http);
	if (http->daemon == NULL) {
		LOG(ERR, "cannot serve metrics on %s: the web server does not start", listen);
		errno = ENOMEM;
		goto err_listener;
	}
	warn(http);
	return http;

err_listener:
	listener_close(&http->listener);
err_snapshot:
	free(http->snapshot);
err_http:
	free(http);
err_web:
	web_config_free(web);
	return NULL;
}

static void stop(struct http *http)
{
	if (http->daemon == NULL)
		return;
	MHD_quiesce_daemon(http->daemon); // leaves the socket to us
	MHD_stop_daemon(http->daemon);
	http->daemon = NULL;
}

void http_change(struct http *http, struct web_config *web)
{
	if (http->web != NULL && web_config_is_same(http->web, web)) {
		web_config_free(web);
		return;
	}
	stop(http);
	web_config_free(http->web);
	http->web = web;
	http->daemon = start(http);
	if (http->daemon == NULL)
		LOG(ERR, "%s: the web server does not start again", http_url(http));
	else
		warn(http);
}

void http_delegate(struct http *http, http_delegate_answer *delegate, void *context)
{
	http->delegate = delegate;
	http->delegate_context = context;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	stop(http);
	listener_close(&http->listener);
	web_config_free(http->web);
	free(http->snapshot);
	free(http);
}

int http_fd(const struct http *http)
{
	if (http->daemon == NULL)
		return -1;
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	// A connection that can go on at once does not make the descriptor readable.
	for (unsigned i = 0; i < RUNS_MAX && http->daemon != NULL; i++) {
		MHD_run(http->daemon);
		if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
			return;
	}
}

const char *http_url(const struct http *http)
{
	bool has_tls = http->web != NULL && http->web->cert != NULL;

	return has_tls ? http->secure_url : http->listener.url;
}
