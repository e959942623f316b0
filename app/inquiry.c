// SPDX-License-Identifier: BSD-3-Clause
#include "inquiry.h"

#include <string.h>

enum {
	BUCKETS_PER_ROUND = 8,
};

void inquiry_ask(struct inquiry *inquiry)
{
	unsigned asked = atomic_load_explicit(&inquiry->asked, memory_order_relaxed);

	inquiry->count = 0;
	inquiry->is_end = false;
	atomic_store_explicit(&inquiry->asked, asked + 1, memory_order_release);
}

static bool is_wanted(const struct inquiry *inquiry, const struct flow *flow)
{
	const struct flow_end *ends = flow->key.ends;

	if (inquiry->has_app && flow->app != inquiry->app)
		return false;
	if (!inquiry->has_host)
		return true;
	return (flow_key_is_ip4(&flow->key) != 0) == inquiry->is_ip4 &&
			(memcmp(ends[0].address, inquiry->host, sizeof(inquiry->host)) == 0 ||
					memcmp(ends[1].address, inquiry->host,
							sizeof(inquiry->host)) == 0);
}

static void take_bucket(struct inquiry *inquiry, struct flow_table *table)
{
	const struct flow *flows[FLOW_BUCKET_MOST];
	unsigned count = flow_in_bucket(table, inquiry->bucket, flows);

	for (unsigned i = 0; i < count; i++) {
		if (is_wanted(inquiry, flows[i]))
			flow_describe(table, flows[i], FLOW_END_IDLE,
					&inquiry->flows[inquiry->count++]);
	}
	inquiry->bucket++;
}

void inquiry_work(struct inquiry *inquiry, struct flow_table *table)
{
	unsigned asked = atomic_load_explicit(&inquiry->asked, memory_order_relaxed);

	for (int i = 0; i < BUCKETS_PER_ROUND; i++) {
		inquiry->is_end = inquiry->bucket >= flow_table_buckets(table);
		if (inquiry->is_end || inquiry->count + FLOW_BUCKET_MOST > INQUIRY_FLOWS) {
			atomic_store_explicit(&inquiry->answered, asked, memory_order_release);
			return;
		}
		take_bucket(inquiry, table);
	}
}
