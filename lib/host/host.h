// SPDX-License-Identifier: BSD-3-Clause
// What is known of each host: which applications it runs, since when, and the evidence for it.
//
// Thread: the manager alone.
// Memory: grows with what is known, to at most HOST_BYTES for each of `capacity` hosts on average.
//         A full table gives up the host of the lowest confidence, among these the one that has
//         waited longest for evidence, and counts it.
// Time:   evidence should come in the order of time. A little disorder changes no confidence,
//         version, step or first example, only the order of hosts.
#pragma once

#include "application.h"
#include "evidence.h"

#include <stdbool.h>

enum {
	HOST_APPS_MAX = 4, // applications of one host; the weakest gives way
	HOST_STEPS_MAX = 16, // the newest are kept, and the first
	HOST_BYTES = 1024, // a host with two applications, two signals and two steps each
	HOST_PLATFORM_BYTES = 16,
};

// The seven steps of a Skype client's life on the wire.
enum step {
	STEP_STARTUP,
	STEP_LOGIN,
	STEP_BOOTSTRAP,
	STEP_NETWORK_SETUP,
	STEP_CALL,
	STEP_MEDIA,
	STEP_TEARDOWN,
	STEP_COUNT,
};
const char *step_name(enum step step); // "startup", "login", "bootstrap", "network-setup", ...
const char *step_words(enum step step); // what the host does in it

struct host_step {
	uint64_t time_ns;
	uint64_t number; // of the packet that showed it; 0 on a wire
	uint64_t flow_id;
	uint64_t last_ns; // of the newest evidence for it
	uint8_t step; // enum step
	uint8_t signal; // enum signal, of that packet
};

// One signal's line in the ledger: how often, when, and the first example in full.
struct host_ledger {
	uint64_t count;
	uint64_t last_ns;
	uint64_t strong_ns; // of the newest certain or strong one; 0: none
	struct evidence first;
};

struct host_app {
	uint8_t app;
	// One certain piece of evidence makes it certain; two strong ones of different signals
	// within 60 s make it strong; anything less, however often, leaves it weak.
	uint8_t confidence;
	uint8_t ledger_count;
	uint8_t step_count;
	uint16_t port; // the application's own port on this host (the Skype port); 0: not known
	bool is_super_node; // other hosts join it
	uint16_t clients; // that joined it within ten minutes, at most; 0: none was seen to
	uint32_t public_ip4; // how others see the host, host order; 0: not known
	// A bit, by a hash, for each that certain or strong evidence of FLOW_ROLE_P2P is with
	uint64_t peers;
	char version[EVIDENCE_VERSION_BYTES + 1]; // newest that was seen, "" when none
	uint64_t version_ns; // of the evidence that showed it
	struct client_facts client; // what it last told of itself
	uint64_t client_ns; // when; 0: never
	uint64_t first_start_ns; // when it told that it was just installed; 0: never
	uint64_t certain_ns, certain_number; // of the newest certain evidence; 0: none
	uint64_t first_ns, last_ns; // of certain or strong evidence; 0: none
	uint64_t evidence_total;
	struct host_ledger *ledger; // [ledger_count], one for each signal
	struct host_step *steps; // [step_count], by time
};

struct host {
	uint8_t address[16];
	bool is_ip4;
	uint8_t app_count;
	uint64_t last_ns; // of its newest evidence
	struct host_app *apps; // [app_count]
};

struct host_config {
	uint32_t capacity; // hosts, at least 1
	// A host is forgotten, with all its applications, when none of them has had certain or
	// strong evidence for so long (a weak one: any evidence); 600, at least 1.
	uint32_t expiry_s;
	// For large links, where accidents of one in 2^32 happen: two certain pieces of evidence
	// from different packets, or a certain and a strong one, make a host certain.
	bool is_backbone;
	// Called when a host is about to be forgotten (expired, evicted, table freed by
	// host_end_all()), and must not change the table. May be NULL.
	void (*ended)(void *context, const struct host *host);
	// Called when it gets a verdict about an application, or is surer of it; as above.
	void (*judged)(void *context, const struct host *host, const struct host_app *app);
	void *context;
};

struct host_stats {
	uint64_t learned, expired, evicted; // hosts
	uint64_t evidence;
	// Evidence that was not kept: the host's applications were surer, or no memory was left.
	uint64_t refused;
};

struct host_table;

// NULL with errno EINVAL or ENOMEM. The caller frees it with host_table_free(); that ends no host.
struct host_table *host_table_create(const struct host_config *config);
void host_table_free(struct host_table *table);

void host_learn(struct host_table *table, const struct evidence *evidence);

// What is known of an application besides evidence; 0 or false: nothing new.
struct host_traits {
	uint16_t port;
	bool is_super_node;
	uint16_t clients; // the most so far counts
	uint32_t public_ip4;
	const struct client_facts *client; // NULL: nothing new
	uint64_t client_ns;
};
// Does nothing unless evidence of the application was learned before.
void host_describe(struct host_table *table, const uint8_t address[16], bool is_ip4, uint8_t app,
		const struct host_traits *traits);
void host_expire(struct host_table *table, uint64_t now_ns);
void host_end_all(struct host_table *table);

// "Windows", "Linux", or "number 3" where it is not known whose number that is; "" when not told.
void host_platform(const struct host_app *app, char text[HOST_PLATFORM_BYTES]);

uint32_t host_count(const struct host_table *table);
// The host learned next after `host`, the first for NULL; NULL after the last. Valid until the table
// next changes.
const struct host *host_next(const struct host_table *table, const struct host *host);
// NULL when nothing is known of it.
const struct host *host_find(
		const struct host_table *table, const uint8_t address[16], bool is_ip4);
const struct host_stats *host_stats(const struct host_table *table);
