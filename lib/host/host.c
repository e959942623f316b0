// SPDX-License-Identifier: BSD-3-Clause
#include "host/host.h"

#include "fail.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

enum {
	SECRET_WORDS = 4,
	// Certain for some time: one burst of spoofed packets does not push it out.
	RANK_LASTING = CONFIDENCE_CERTAIN + 1,
};

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t STRONG_WINDOW_NS = 60 * SECOND_NS;
static const uint64_t STEP_PAUSE_NS = 60 * SECOND_NS; // then a step begins anew
static const uint64_t LASTING_NS = 10 * SECOND_NS;

struct entry {
	struct host host; // first: host_next() finds the entry by it
	uint64_t renewed_ns; // of the evidence that expiry counts from
	uint8_t rank; // the strongest confidence of its applications, or RANK_LASTING
	struct entry *next; // in the same bucket, or free
	TAILQ_ENTRY(entry) in_order;
	TAILQ_ENTRY(entry) in_rank;
};

TAILQ_HEAD(entry_list, entry);

struct host_table {
	struct host_config config;
	struct host_stats stats;
	uint32_t count;
	size_t bytes; // of what hosts point to
	uint64_t secret[SECRET_WORDS];
	struct entry *entries; // [capacity]
	struct entry **buckets; // [capacity]
	struct entry *free;
	struct entry_list order; // by first evidence
	struct entry_list ranks[RANK_LASTING + 1]; // by the time that they were renewed
};

const char *step_name(enum step step)
{
	static const char *const names[STEP_COUNT] = {
		[STEP_STARTUP] = "startup",
		[STEP_LOGIN] = "login",
		[STEP_BOOTSTRAP] = "bootstrap",
		[STEP_NETWORK_SETUP] = "network-setup",
		[STEP_CALL] = "call",
		[STEP_MEDIA] = "media",
		[STEP_TEARDOWN] = "teardown",
	};

	return names[step];
}

const char *step_words(enum step step)
{
	static const char *const words[STEP_COUNT] = {
		[STEP_STARTUP] = "asks for its newest version",
		[STEP_LOGIN] = "greets a login or event server",
		[STEP_BOOTSTRAP] = "asks nodes to let it join",
		[STEP_NETWORK_SETUP] = "finds near nodes and its public address",
		[STEP_CALL] = "signals to a peer or relay",
		[STEP_MEDIA] = "voice, video or a file flows",
		[STEP_TEARDOWN] = "the last packet of it",
	};

	return words[step];
}

struct host_table *host_table_create(const struct host_config *config)
{
	struct host_table *table;

	if (config->capacity == 0 || config->expiry_s == 0)
		return fail_null(EINVAL);
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return fail_null(ENOMEM);
	table->config = *config;
	if (getrandom(table->secret, sizeof(table->secret), 0) != sizeof(table->secret))
		goto err_table;
	table->entries = memory_alloc(config->capacity * sizeof(*table->entries), -1);
	if (table->entries == NULL)
		goto err_table;
	table->buckets = memory_alloc(config->capacity * sizeof(*table->buckets), -1);
	if (table->buckets == NULL)
		goto err_entries;
	for (uint32_t i = config->capacity; i-- > 0;) {
		table->entries[i].next = table->free;
		table->free = &table->entries[i];
	}
	TAILQ_INIT(&table->order);
	for (int rank = CONFIDENCE_NONE; rank <= RANK_LASTING; rank++)
		TAILQ_INIT(&table->ranks[rank]);
	return table;

err_entries:
	memory_free(table->entries, config->capacity * sizeof(*table->entries));
err_table:
	free(table);
	return fail_null(ENOMEM);
}

// A product of the address's halves, each offset by a secret, folded with another: whoever chose the
// addresses, two of them collide by chance only (NH, RFC 4418 5.2).
static struct entry **bucket_of(const struct host_table *table, const uint8_t address[16])
{
	const uint64_t *secret = table->secret;
	unsigned __int128 product;
	uint64_t halves[2];
	uint32_t hash;

	memcpy(halves, address, sizeof(halves));
	product = (unsigned __int128)(halves[0] + secret[0]) * (halves[1] + secret[1]);
	product = (unsigned __int128)((uint64_t)product ^ secret[2]) *
			((uint64_t)(product >> 64) ^ secret[3]);
	hash = (uint64_t)(product ^ product >> 64) >> 32;
	return &table->buckets[(uint64_t)hash * table->config.capacity >> 32];
}

static struct entry *entry_find(
		const struct host_table *table, const uint8_t address[16], bool is_ip4)
{
	struct entry *entry = *bucket_of(table, address);

	while (entry != NULL &&
			(entry->host.is_ip4 != is_ip4 ||
					memcmp(entry->host.address, address, 16) != 0))
		entry = entry->next;
	return entry;
}

static void app_fini(struct host_app *app)
{
	free(app->ledger);
	free(app->steps);
}

static size_t host_bytes(const struct host *host)
{
	size_t bytes = host->app_count * sizeof(*host->apps);

	for (int i = 0; i < host->app_count; i++)
		bytes += host->apps[i].ledger_count * sizeof(*host->apps[i].ledger) +
				host->apps[i].step_count * sizeof(*host->apps[i].steps);
	return bytes;
}

static void entry_remove(struct host_table *table, struct entry *entry)
{
	struct entry **link = bucket_of(table, entry->host.address);

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	TAILQ_REMOVE(&table->order, entry, in_order);
	TAILQ_REMOVE(&table->ranks[entry->rank], entry, in_rank);
	table->bytes -= host_bytes(&entry->host);
	for (int i = 0; i < entry->host.app_count; i++)
		app_fini(&entry->host.apps[i]);
	free(entry->host.apps);
	entry->next = table->free;
	table->free = entry;
	table->count--;
}

static void entry_forget(struct host_table *table, struct entry *entry)
{
	if (table->config.ended != NULL)
		table->config.ended(table->config.context, &entry->host);
	entry_remove(table, entry);
}

// Tells who wants to know when the host has become surer of an application.
static void entry_tell(const struct host_table *table, const struct entry *entry,
		const struct host_app *app, enum confidence before)
{
	if (table->config.judged != NULL && app->confidence > before)
		table->config.judged(table->config.context, &entry->host, app);
}

static void evict(struct host_table *table)
{
	for (int rank = CONFIDENCE_NONE; rank <= RANK_LASTING; rank++) {
		struct entry *entry = TAILQ_FIRST(&table->ranks[rank]);

		if (entry != NULL) {
			entry_forget(table, entry);
			table->stats.evicted++;
			return;
		}
	}
}

static struct entry *entry_create(struct host_table *table, const struct evidence *evidence)
{
	struct entry **bucket = bucket_of(table, evidence->host);
	struct entry *entry;

	if (table->free == NULL)
		evict(table);
	entry = table->free;
	table->free = entry->next;
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->host.address, evidence->host, sizeof(entry->host.address));
	entry->host.is_ip4 = evidence->is_ip4;
	entry->next = *bucket;
	*bucket = entry;
	TAILQ_INSERT_TAIL(&table->order, entry, in_order);
	TAILQ_INSERT_TAIL(&table->ranks[entry->rank], entry, in_rank);
	table->count++;
	table->stats.learned++;
	return entry;
}

static struct host_app *weakest_app(struct host *host)
{
	struct host_app *weakest = &host->apps[0];

	for (int i = 1; i < host->app_count; i++) {
		struct host_app *app = &host->apps[i];

		if (app->confidence < weakest->confidence ||
				(app->confidence == weakest->confidence &&
						app->last_ns < weakest->last_ns))
			weakest = app;
	}
	return weakest;
}

// NULL when the host has no room for it: a new application must not push out one that is surer.
static struct host_app *app_create(struct host *host, const struct evidence *evidence)
{
	struct host_app *app;

	if (host->app_count == HOST_APPS_MAX) {
		app = weakest_app(host);
		if (app->confidence > CONFIDENCE_WEAK && evidence->confidence < CONFIDENCE_CERTAIN)
			return NULL;
		app_fini(app);
	} else {
		app = reallocarray(host->apps, host->app_count + 1, sizeof(*app));
		if (app == NULL)
			return NULL;
		host->apps = app;
		app = &host->apps[host->app_count++];
	}
	*app = (struct host_app){ .app = evidence->app };
	return app;
}

static struct host_app *app_get(struct host *host, const struct evidence *evidence)
{
	for (int i = 0; i < host->app_count; i++)
		if (host->apps[i].app == evidence->app)
			return &host->apps[i];
	return app_create(host, evidence);
}

static struct host_ledger *ledger_get(struct host_app *app, const struct evidence *evidence)
{
	struct host_ledger *ledger;

	for (int i = 0; i < app->ledger_count; i++)
		if (app->ledger[i].first.signal == evidence->signal)
			return &app->ledger[i];
	ledger = reallocarray(app->ledger, app->ledger_count + 1, sizeof(*ledger));
	if (ledger == NULL)
		return NULL;
	app->ledger = ledger;
	ledger = &app->ledger[app->ledger_count++];
	*ledger = (struct host_ledger){ .first = *evidence };
	return ledger;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool is_before(uint64_t time_a, uint64_t number_a, uint64_t time_b, uint64_t number_b)
{
	return time_a < time_b || (time_a == time_b && number_a < number_b);
}

static bool has_other_strong(
		const struct host_app *app, const struct host_ledger *ledger, uint64_t time_ns)
{
	for (int i = 0; i < app->ledger_count; i++) {
		const struct host_ledger *other = &app->ledger[i];
		uint64_t from = other->strong_ns;

		if (other != ledger && from != 0 &&
				(from > time_ns ? from - time_ns : time_ns - from) <=
						STRONG_WINDOW_NS)
			return true;
	}
	return false;
}

static uint64_t peer_bit(const uint8_t address[16])
{
	uint64_t halves[2];

	memcpy(halves, address, sizeof(halves));
	return UINT64_C(1) << ((halves[0] ^ halves[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

// Whether certain evidence makes the host certain.
static bool is_enough(const struct host_table *table, struct host_app *app,
		const struct host_ledger *ledger, const struct evidence *evidence)
{
	bool is_second = app->certain_ns != 0 &&
			(app->certain_ns != evidence->time_ns ||
					app->certain_number != evidence->number);

	app->certain_ns = evidence->time_ns;
	app->certain_number = evidence->number;
	return !table->config.is_backbone || is_second ||
			has_other_strong(app, ledger, evidence->time_ns);
}

static void app_decide(const struct host_table *table, struct host_app *app,
		struct host_ledger *ledger, const struct evidence *evidence)
{
	enum confidence confidence = CONFIDENCE_WEAK;

	if (evidence->confidence >= CONFIDENCE_STRONG) {
		if (app->last_ns == 0 || evidence->time_ns < app->first_ns)
			app->first_ns = evidence->time_ns;
		app->last_ns = later(app->last_ns, evidence->time_ns);
		if (evidence->role == FLOW_ROLE_P2P)
			app->peers |= peer_bit(evidence->peer);
		ledger->strong_ns = later(ledger->strong_ns, evidence->time_ns);
		if (evidence->confidence == CONFIDENCE_CERTAIN &&
				is_enough(table, app, ledger, evidence))
			confidence = CONFIDENCE_CERTAIN;
		else if (has_other_strong(app, ledger, evidence->time_ns))
			confidence = CONFIDENCE_STRONG;
	}
	if (app->confidence < confidence)
		app->confidence = confidence;
}

static void app_learn_version(struct host_app *app, const struct evidence *evidence)
{
	size_t length = evidence->version_length;

	if (length == 0 || evidence->time_ns < app->version_ns)
		return;
	if (length > sizeof(evidence->version))
		length = sizeof(evidence->version);
	memcpy(app->version, evidence->version, length);
	app->version[length] = '\0';
	app->version_ns = evidence->time_ns;
}

// A step goes on for as long as evidence for it comes, from whatever flow.
static bool app_goes_on(struct host_app *app, enum step step, uint64_t time_ns)
{
	for (int i = 0; i < app->step_count; i++) {
		struct host_step *known = &app->steps[i];

		if (known->step != step || time_ns > known->last_ns + STEP_PAUSE_NS ||
				known->time_ns > time_ns + STEP_PAUSE_NS)
			continue;
		known->last_ns = later(known->last_ns, time_ns);
		return true;
	}
	return false;
}

static void app_add_step(struct host_app *app, enum step step, const struct evidence *evidence)
{
	struct host_step *steps;
	int i = app->step_count;

	if (app_goes_on(app, step, evidence->time_ns))
		return;
	steps = reallocarray(app->steps, app->step_count + 1, sizeof(*steps));
	if (steps == NULL)
		return;
	app->steps = steps;
	for (; i > 0 &&
			is_before(evidence->time_ns, evidence->number, steps[i - 1].time_ns,
					steps[i - 1].number);
			i--)
		steps[i] = steps[i - 1];
	steps[i] = (struct host_step){
		.time_ns = evidence->time_ns,
		.number = evidence->number,
		.flow_id = evidence->flow_id,
		.last_ns = evidence->time_ns,
		.step = step,
		.signal = evidence->signal,
	};
	if (app->step_count < HOST_STEPS_MAX)
		app->step_count++;
	else // the first one stays
		memmove(&steps[1], &steps[2], (HOST_STEPS_MAX - 1) * sizeof(*steps));
}

// False when there was no memory for it.
static bool app_learn(const struct host_table *table, struct host_app *app,
		const struct evidence *evidence)
{
	struct host_ledger *ledger = ledger_get(app, evidence);

	if (ledger == NULL)
		return false;
	app->evidence_total++;
	ledger->count++;
	ledger->last_ns = later(ledger->last_ns, evidence->time_ns);
	if (is_before(evidence->time_ns, evidence->number, ledger->first.time_ns,
			    ledger->first.number))
		ledger->first = *evidence;
	app_decide(table, app, ledger, evidence);
	app_learn_version(app, evidence);
	if (evidence->step != 0)
		app_add_step(app, evidence->step - 1, evidence);
	else if (evidence->role == FLOW_ROLE_VERSION_CHECK)
		app_add_step(app, STEP_STARTUP, evidence);
	else if (evidence->role == FLOW_ROLE_LOGIN)
		app_add_step(app, STEP_LOGIN, evidence);
	return true;
}

static uint8_t app_rank(const struct host_app *app)
{
	bool is_lasting = app->confidence == CONFIDENCE_CERTAIN &&
			app->last_ns - app->first_ns >= LASTING_NS;

	return is_lasting ? RANK_LASTING : app->confidence;
}

// Puts the host behind all others of its rank; weak evidence does not keep what is known alive.
static void entry_renew(
		struct host_table *table, struct entry *entry, const struct evidence *evidence)
{
	entry->host.last_ns = later(entry->host.last_ns, evidence->time_ns);
	if (entry->rank > CONFIDENCE_WEAK && evidence->confidence < CONFIDENCE_STRONG)
		return;
	TAILQ_REMOVE(&table->ranks[entry->rank], entry, in_rank);
	for (int i = 0; i < entry->host.app_count; i++)
		if (entry->rank < app_rank(&entry->host.apps[i]))
			entry->rank = app_rank(&entry->host.apps[i]);
	TAILQ_INSERT_TAIL(&table->ranks[entry->rank], entry, in_rank);
	entry->renewed_ns = later(entry->renewed_ns, evidence->time_ns);
}

void host_learn(struct host_table *table, const struct evidence *evidence)
{
	struct entry *entry = entry_find(table, evidence->host, evidence->is_ip4);
	enum confidence before;
	struct host_app *app;
	size_t bytes;

	table->stats.evidence++;
	if (entry == NULL)
		entry = entry_create(table, evidence);
	bytes = host_bytes(&entry->host);
	app = app_get(&entry->host, evidence);
	before = app == NULL ? CONFIDENCE_NONE : app->confidence;
	if (app != NULL && app_learn(table, app, evidence)) {
		entry_renew(table, entry, evidence);
		entry_tell(table, entry, app, before);
	} else {
		table->stats.refused++;
	}
	table->bytes += host_bytes(&entry->host) - bytes;
	while (table->bytes > (size_t)table->config.capacity * HOST_BYTES && table->count > 1)
		evict(table);
}

static void app_learn_client(
		struct host_app *app, const struct client_facts *client, uint64_t time_ns)
{
	if (client->is_first_start && (app->first_start_ns == 0 || time_ns < app->first_start_ns))
		app->first_start_ns = time_ns;
	if (time_ns < app->client_ns)
		return;
	app->client_ns = time_ns;
	app->client.platform = client->platform;
	// Not every question names the user.
	if (client->user[0] != '\0')
		memcpy(app->client.user, client->user, sizeof(app->client.user));
}

void host_describe(struct host_table *table, const uint8_t address[16], bool is_ip4, uint8_t app,
		const struct host_traits *traits)
{
	struct entry *entry = entry_find(table, address, is_ip4);

	for (int i = 0; entry != NULL && i < entry->host.app_count; i++) {
		struct host_app *known = &entry->host.apps[i];

		if (known->app != app)
			continue;
		if (traits->port != 0)
			known->port = traits->port;
		if (traits->public_ip4 != 0)
			known->public_ip4 = traits->public_ip4;
		known->is_super_node = known->is_super_node || traits->is_super_node;
		if (traits->clients > known->clients)
			known->clients = traits->clients;
		if (traits->client != NULL)
			app_learn_client(known, traits->client, traits->client_ns);
	}
}

void host_expire(struct host_table *table, uint64_t now_ns)
{
	for (int rank = CONFIDENCE_NONE; rank <= RANK_LASTING; rank++) {
		struct entry *entry;

		while ((entry = TAILQ_FIRST(&table->ranks[rank])) != NULL &&
				now_ns > entry->renewed_ns &&
				now_ns - entry->renewed_ns > table->config.expiry_s * SECOND_NS) {
			entry_forget(table, entry);
			table->stats.expired++;
		}
	}
}

void host_end_all(struct host_table *table)
{
	struct entry *entry;

	while ((entry = TAILQ_FIRST(&table->order)) != NULL)
		entry_forget(table, entry);
}

void host_table_free(struct host_table *table)
{
	struct entry *entry;

	if (table == NULL)
		return;
	while ((entry = TAILQ_FIRST(&table->order)) != NULL)
		entry_remove(table, entry);
	memory_free(table->buckets, table->config.capacity * sizeof(*table->buckets));
	memory_free(table->entries, table->config.capacity * sizeof(*table->entries));
	free(table);
}

// Numbers: Baset and Schulzrinne 2004 (0), skype-irc.cap packet 406 (2).
void host_platform(const struct host_app *app, char text[HOST_PLATFORM_BYTES])
{
	static const char *const names[] = { [0] = "Windows", [2] = "Linux" };
	const unsigned number = app->client.platform - 1u;

	if (app->client.platform == 0)
		text[0] = '\0';
	else if (number < sizeof(names) / sizeof(names[0]) && names[number] != NULL)
		snprintf(text, HOST_PLATFORM_BYTES, "%s", names[number]);
	else
		snprintf(text, HOST_PLATFORM_BYTES, "number %u", number);
}

uint32_t host_count(const struct host_table *table)
{
	return table->count;
}

const struct host *host_next(const struct host_table *table, const struct host *host)
{
	const struct entry *entry = (const struct entry *)host;

	entry = entry == NULL ? TAILQ_FIRST(&table->order) : TAILQ_NEXT(entry, in_order);
	return entry == NULL ? NULL : &entry->host;
}

const struct host *host_find(const struct host_table *table, const uint8_t address[16], bool is_ip4)
{
	const struct entry *entry = entry_find(table, address, is_ip4);

	return entry == NULL ? NULL : &entry->host;
}

const struct host_stats *host_stats(const struct host_table *table)
{
	return &table->stats;
}
