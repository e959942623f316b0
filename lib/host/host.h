// SPDX-License-Identifier: BSD-3-Clause
// What is known of each host: which applications it runs, since when, and the evidence for it.
//
// Thread: the manager alone. Memory: host_table_create() takes all of it; a full table gives up
// the host with the weakest, oldest knowledge and counts it.
#pragma once

#include "application.h"
#include "evidence.h"

#include <stdbool.h>

enum {
	HOST_APPS_MAX = 4, // applications of one host; the weakest gives way
	HOST_LEDGER_MAX = 12, // signals of one application
	HOST_STEPS_MAX = 16, // the newest are kept, and the first
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

struct host_step {
	uint64_t time_ns;
	uint64_t number; // of the packet that showed it; 0 on a wire
	uint64_t flow_id;
	uint8_t step; // enum step
};

// One signal's line in the ledger: how often, when, and the first example in full.
struct host_ledger {
	uint64_t count;
	uint64_t last_ns;
	struct evidence first;
};

struct host_app {
	uint8_t app;
	uint8_t confidence; // enum confidence
	uint8_t ledger_count;
	uint8_t step_count;
	uint16_t port; // the application's own port on this host (the Skype port); 0: not known
	bool is_super_node;
	char version[EVIDENCE_VERSION_BYTES + 1]; // newest that was seen, "" when none
	uint64_t first_ns, last_ns; // of certain or strong evidence
	uint64_t evidence_total;
	struct host_ledger ledger[HOST_LEDGER_MAX];
	struct host_step steps[HOST_STEPS_MAX];
};

struct host {
	uint8_t address[16];
	bool is_ip4;
	uint8_t app_count;
	uint64_t last_ns;
	struct host_app apps[HOST_APPS_MAX];
};

struct host_config {
	uint32_t capacity; // hosts
	uint32_t expiry_s; // without certain or strong evidence; 600
	// Called when a host is about to be forgotten (expired, evicted, table freed by
	// host_end_all()). May be NULL.
	void (*ended)(void *context, const struct host *host);
	void *context;
};

struct host_stats {
	uint64_t learned, expired, evicted, evidence;
};

struct host_table;

struct host_table *host_table_create(const struct host_config *config);
void host_table_free(struct host_table *table);

void host_learn(struct host_table *table, const struct evidence *evidence);
void host_expire(struct host_table *table, uint64_t now_ns);
void host_end_all(struct host_table *table);

uint32_t host_count(const struct host_table *table);
// The i-th host known, in order of first evidence; valid until the table next changes.
const struct host *host_at(const struct host_table *table, uint32_t index);
const struct host *host_find(
		const struct host_table *table, const uint8_t address[16], bool is_ip4);
const struct host_stats *host_stats(const struct host_table *table);
