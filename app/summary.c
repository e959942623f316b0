// SPDX-License-Identifier: BSD-3-Clause
#include "summary.h"

#include "counters.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TIME_BYTES = 32,
	PLACE_BYTES = 256,
	CALLS_MAX = 100000,
	CALLS_STEP = 64, // more, whenever there is no room
};

static void heading(FILE *stream, const struct summary *summary, const char *text)
{
	fprintf(stream, summary->is_bold ? "\033[1m%s\033[0m\n" : "%s\n", text);
}

// "2006-08-25 19:31:06.654", UTC.
static void format_time(char text[TIME_BYTES], uint64_t time_ns)
{
	time_t seconds = time_ns / 1000000000;
	struct tm tm;
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + length, TIME_BYTES - length, ".%03u", (unsigned)(time_ns / 1000000 % 1000));
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * part / whole;
}

static const char *capture_state(const struct summary_capture *capture)
{
	if (!capture->is_broken)
		return "";
	return capture->packets > 0 ? " (broken)" : " (not read)";
}

static void print_capture(FILE *stream, const struct summary_capture *capture)
{
	char first[TIME_BYTES] = "-";

	if (capture->packets > 0)
		format_time(first, capture->first_ns);
	fprintf(stream, "  %-23s %12.3f %10" PRIu64 " %13" PRIu64 "  %s%s\n", first,
			(capture->last_ns - capture->first_ns) / 1e9, capture->packets,
			capture->bytes, capture->path, capture_state(capture));
}

void summary_captures(FILE *stream, const struct summary *summary)
{
	heading(stream, summary,
			"Captures, from (UTC)       seconds    packets         bytes  file");
	for (unsigned i = 0; i < summary->capture_count; i++)
		print_capture(stream, &summary->captures[i]);
}

// Where to look: "packet 7", or "packet 7 of b.pcap" when several captures were read.
static void format_place(char text[PLACE_BYTES], const struct summary *summary, uint64_t number)
{
	const struct summary_capture *capture = &summary->captures[0];

	for (unsigned i = 1; i < summary->capture_count; i++)
		if (summary->captures[i].packets > 0 && summary->captures[i].before < number)
			capture = &summary->captures[i];
	if (summary->capture_count == 1)
		snprintf(text, PLACE_BYTES, "packet %" PRIu64, number);
	else
		snprintf(text, PLACE_BYTES, "packet %" PRIu64 " of %s", number - capture->before,
				capture->path);
}

static void print_step(FILE *stream, const struct summary *summary, const struct host_step *step)
{
	char time[TIME_BYTES], place[PLACE_BYTES];

	format_time(time, step->time_ns);
	format_place(place, summary, step->number);
	fprintf(stream, "    step      %s  %s, %s: %s\n", time, step_name(step->step), place,
			step_words(step->step));
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	default:
		return "IP";
	}
}

static void print_ledger(
		FILE *stream, const struct summary *summary, const struct host_ledger *ledger)
{
	const struct evidence *first = &ledger->first;
	char time[TIME_BYTES], place[PLACE_BYTES], peer[EVENT_ADDRESS_BYTES];

	format_time(time, first->time_ns);
	format_place(place, summary, first->number);
	event_address(peer, first->peer, first->is_ip4);
	fprintf(stream, "    evidence  %s: %s, %" PRIu64 " time%s\n", signal_words(first->signal),
			confidence_name(first->confidence), ledger->count,
			ledger->count == 1 ? "" : "s");
	fprintf(stream, "              first %s, %s", time, place);
	if (first->rule != 0)
		fprintf(stream, ", rule %" PRIu32, first->rule);
	fprintf(stream, "\n              with %s %s port %u\n", peer,
			protocol_name(first->protocol), first->peer_port);
	if (first->text_length > 0)
		fprintf(stream, "              \"%.*s\"\n", first->text_length, first->text);
}

static void print_media(FILE *stream, uint8_t media)
{
	const char *between = "";

	for (unsigned kind = CALL_VOICE; kind <= CALL_FILE; kind <<= 1) {
		if ((media & kind) == 0)
			continue;
		fprintf(stream, "%s%s", between, call_media_name(kind));
		between = " and ";
	}
}

static void print_peers(FILE *stream, const struct call *call)
{
	static const char *const words[] = {
		[CALL_DIRECT] = "directly with",
		[CALL_RELAYED] = "relayed by",
		[CALL_RELAYING] = "relayed for",
		[CALL_PHONE] = "to the telephone network by",
	};
	char peer[EVENT_ADDRESS_BYTES];

	event_address(peer, call->peers[0], true);
	fprintf(stream, "%s %s", words[call->path], peer);
	if (call->peer_count < 2)
		return;
	event_address(peer, call->peers[1], true);
	fprintf(stream, " and %s", peer);
}

static void print_call(FILE *stream, const struct summary *summary, const struct call *call)
{
	char time[TIME_BYTES], from[PLACE_BYTES], to[PLACE_BYTES];

	format_time(time, call->start.time_ns);
	format_place(from, summary, call->start.number);
	format_place(to, summary, call->end.number);
	fprintf(stream, "    call      %s  %.1f s of ", time,
			(call->end.time_ns - call->start.time_ns) / 1e9);
	print_media(stream, call->media);
	fputs(", ", stream);
	print_peers(stream, call);
	fprintf(stream, "\n              %s to %s, %s%s%s\n", from, to,
			(call->transports & CALL_UDP) != 0 ? "UDP" : "",
			call->transports == (CALL_UDP | CALL_TCP) ? " then " : "",
			(call->transports & CALL_TCP) != 0 ? "TCP" : "");
	fprintf(stream, "              %" PRIu64 " bytes sent, %" PRIu64 " received",
			call->bytes[CALL_SENT], call->bytes[CALL_RECEIVED]);
	if (call->hold_s > 0)
		fprintf(stream, ", %" PRIu64 " s on hold", call->hold_s);
	fputs("; heuristic: by rates and sizes\n", stream);
}

static void print_calls(FILE *stream, const struct summary *summary, const struct host *host)
{
	for (unsigned i = 0; i < summary->call_count; i++)
		if (memcmp(summary->calls[i].host, host->address, sizeof(host->address)) == 0)
			print_call(stream, summary, &summary->calls[i]);
}

void summary_call(struct summary *summary, const struct call *call)
{
	if (summary->call_count % CALLS_STEP == 0) {
		unsigned room = summary->call_count + CALLS_STEP;
		struct call *calls = room > CALLS_MAX ?
				NULL :
				reallocarray(summary->calls, room, sizeof(*calls));

		if (calls == NULL) {
			summary->calls_left_out++;
			return;
		}
		summary->calls = calls;
	}
	summary->calls[summary->call_count++] = *call;
}

static void print_app(FILE *stream, const struct summary *summary, const struct host *host,
		const struct host_app *app)
{
	char platform[HOST_PLATFORM_BYTES];

	host_platform(app, platform);
	fprintf(stream, " runs %s%s%s%s%s: %s", application_name(app->app),
			app->version[0] == '\0' ? "" : " ", app->version,
			platform[0] == '\0' ? "" : " for ", platform,
			confidence_name(app->confidence));
	if (app->first_start_ns != 0)
		fputs(", newly installed", stream);
	if (app->client.user[0] != '\0')
		fprintf(stream, ", user %s", app->client.user);
	if (app->port != 0)
		fprintf(stream, ", port %u", app->port);
	if (app->public_ip4 != 0)
		fprintf(stream, ", seen by others as %u.%u.%u.%u", app->public_ip4 >> 24,
				app->public_ip4 >> 16 & 0xff, app->public_ip4 >> 8 & 0xff,
				app->public_ip4 & 0xff);
	if (app->is_super_node)
		fputs(", super node", stream);
	if (app->clients > 0)
		fprintf(stream, " of %u client%s", app->clients, app->clients == 1 ? "" : "s");
	fputc('\n', stream);
	for (unsigned i = 0; i < app->step_count; i++)
		print_step(stream, summary, &app->steps[i]);
	if (app->app == APP_SKYPE)
		print_calls(stream, summary, host);
	for (unsigned i = 0; i < app->ledger_count; i++)
		print_ledger(stream, summary, &app->ledger[i]);
}

static bool is_shown(const struct summary *summary, const struct host_app *app)
{
	return summary->shows_weak || app->confidence > CONFIDENCE_WEAK;
}

void summary_host(FILE *stream, struct summary *summary, const struct host *host)
{
	char address[EVENT_ADDRESS_BYTES];
	bool is_any_shown = false;

	event_address(address, host->address, host->is_ip4);
	for (unsigned i = 0; i < host->app_count; i++) {
		if (!is_shown(summary, &host->apps[i]))
			continue;
		if (!is_any_shown && summary->host_count++ == 0) {
			fputc('\n', stream);
			heading(stream, summary, "Hosts");
		}
		is_any_shown = true;
		fprintf(stream, "  %s", address);
		print_app(stream, summary, host, &host->apps[i]);
	}
	summary->weak_count += !is_any_shown;
}

void summary_flow(struct summary *summary, const struct flow_record *record)
{
	struct summary_share *share = &summary->apps[record->app];

	share->flows++;
	share->packets += record->packets_to_server + record->packets_to_client;
	share->bytes += record->bytes_to_server + record->bytes_to_client;
}

static void print_share(FILE *stream, const char *name, const struct summary_share *share,
		const struct summary_share *all)
{
	fprintf(stream, "  %-16s %8" PRIu64 " %10" PRIu64 " %6.1f%% %14" PRIu64 " %6.1f%%\n", name,
			share->flows, share->packets, percent(share->packets, all->packets),
			share->bytes, percent(share->bytes, all->bytes));
}

// Rows add up to what was read: the rest are packets of no flow.
static void print_apps(FILE *stream, const struct summary *summary, const struct event_stats *stats)
{
	const struct summary_share all = { stats->flows, stats->packets, stats->bytes };
	struct summary_share rest = { 0, stats->not_flow, stats->bytes };

	heading(stream, summary, "Applications          flows    packets                  bytes");
	for (unsigned app = 1; app < APP_MAX; app++)
		if (summary->apps[app].flows > 0)
			print_share(stream, application_name(app), &summary->apps[app], &all);
	if (summary->apps[APP_UNKNOWN].flows > 0)
		print_share(stream, application_name(APP_UNKNOWN), &summary->apps[APP_UNKNOWN],
				&all);
	for (unsigned app = 0; app < APP_MAX; app++)
		rest.bytes -= summary->apps[app].bytes;
	if (rest.packets > 0)
		print_share(stream, "in no flow", &rest, &all);
	print_share(stream, "all", &all, &all);
}

static void print_reasons(
		FILE *stream, const struct summary *summary, const struct event_stats *stats)
{
	fputc('\n', stream);
	heading(stream, summary, "Packets");
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (stats->reasons[reason] > 0)
			fprintf(stream, "  %10" PRIu64 " %6.1f%%  %s\n", stats->reasons[reason],
					percent(stats->reasons[reason], stats->packets),
					reason_help(reason));
}

void summary_totals(FILE *stream, const struct summary *summary, const struct event_stats *stats)
{
	if (summary->weak_count > 0)
		fprintf(stream,
				"%s  %s%u host%s with weak evidence only, such as names that browsers look up\n"
				"  (--all shows them)\n",
				summary->host_count == 0 ? "\n" : "",
				summary->host_count == 0 ? "" : "and ", summary->weak_count,
				summary->weak_count == 1 ? "" : "s");
	fputc('\n', stream);
	print_apps(stream, summary, stats);
	if (stats->packets > 0)
		print_reasons(stream, summary, stats);
	fprintf(stream,
			"\n%" PRIu64 " packets in %" PRIu64 " flows; %" PRIu64
			" host%s with a verdict",
			stats->packets, stats->flows, stats->hosts, stats->hosts == 1 ? "" : "s");
	if (summary->call_count > 0)
		fprintf(stream, "; %u call%s or transfer%s",
				summary->call_count + summary->calls_left_out,
				summary->call_count == 1 ? "" : "s",
				summary->call_count == 1 ? "" : "s");
	if (stats->evidence_lost > 0)
		fprintf(stream, "; %" PRIu64 " pieces of evidence were lost", stats->evidence_lost);
	fputs(".\n", stream);
}
