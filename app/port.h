// SPDX-License-Identifier: BSD-3-Clause
// Ports: one queue a worker in each direction, nothing that would change a frame.
//
// Thread: the manager.
#pragma once

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	PORT_POOLS_MAX = 16
};

struct port {
	const char *name; // as configured
	const char *device;
	uint16_t id; // DPDK's number
	int node; // NUMA, -1: unknown
	bool is_physical; // a NIC: what it cannot do is an error
	bool waits; // as port_waits() says
	bool is_started;
	uint32_t mtu; // what its driver was told
};

// For all ports.
struct port_config {
	uint16_t queues; // of each port, each direction
	bool by_addresses; // packets of two hosts to one queue, whatever their ports
	uint32_t mtu; // largest IP packet
	uint32_t mbufs; // each pool
	uint32_t mbuf_bytes;
};

// Packet buffers, one pool for each NUMA node that has a port.
struct port_pools {
	unsigned count;
	struct rte_mempool *pools[PORT_POOLS_MAX];
	int nodes[PORT_POOLS_MAX];
};

// Whether a device, as configured, loses nothing that is not fetched: net_null, a file of net_pcap.
bool port_waits(const char *device);

// Queues that every one of the ports can have, at most `wanted`; says so when it is fewer.
uint16_t port_queues(const struct port *ports, unsigned count, uint16_t wanted);

// 0, or -errno after a message; what was made before is for port_pools_fini().
int port_pools_init(struct port_pools *pools, const struct port *ports, unsigned count,
		const struct port_config *config);
void port_pools_fini(struct port_pools *pools);

// Its Ethernet address as packet_address() has it; 0: others bear it too, or it is not known.
uint64_t port_address(const struct port *port);

// Configures and starts; 0, or -errno after a message. `peer` transmits what this port receives.
int port_start(struct port *port, const struct port *peer, const struct port_pools *pools,
		const struct port_config *config);
// The same for a port that runs, after a reset of its device where that has one. No worker may touch
// it meanwhile. 0, or -errno after a message: then it stands still.
int port_reset(struct port *port, const struct port *peer, const struct port_pools *pools,
		const struct port_config *config);
// Stops and closes it; anything.
void port_stop(struct port *port);

// Whether the card found the transport checksum of the outermost IP packet right. It may have looked
// into a tunnel instead, and what it calls wrong may be right: some say so of UDP without a checksum.
// Thread: who received the frame.
static inline bool port_summed(const struct rte_mbuf *mbuf)
{
	return (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
			(mbuf->packet_type & RTE_PTYPE_TUNNEL_MASK) == 0;
}
