// SPDX-License-Identifier: BSD-3-Clause
#include "port.h"

#include "fail.h"
#include "log.h"
#include "packet.h"

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <string.h>

LOG_TYPE("port");

enum {
	DESCRIPTORS = 1024, // of a queue, where the device can have so many
	POOL_CACHE = 256,
	RSS_KEY_MAX = 64,
	RSS_KEY_DEFAULT = 40,
	MTU_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN,
	TAGS_BYTES = 2 * 4, // of QinQ
};

// A key of one repeated 16-bit value gives both directions of a flow the same hash: the Toeplitz
// hash then does not change when source and destination change places (Woo and Park, "Scalable TCP
// Session Monitoring with Symmetric Receive-side Scaling", 2012).
static void rss_key(uint8_t *key)
{
	for (int i = 0; i < RSS_KEY_MAX; i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
}

uint16_t port_queues(const struct port *ports, unsigned count, uint16_t wanted)
{
	uint16_t queues = wanted;
	const char *least = NULL;

	for (unsigned i = 0; i < count; i++) {
		struct rte_eth_dev_info info;

		if (rte_eth_dev_info_get(ports[i].id, &info) != 0)
			continue;
		if (RTE_MIN(info.max_rx_queues, info.max_tx_queues) < queues) {
			queues = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
			least = ports[i].name;
		}
	}
	if (least != NULL)
		LOG(WARNING, "port '%s' has queues for %u of %u workers: going on with so many",
				least, queues, wanted);
	return queues;
}

static struct rte_mempool *pool_of(const struct port_pools *pools, int node)
{
	for (unsigned i = 0; i < pools->count; i++) {
		if (pools->nodes[i] == node)
			return pools->pools[i];
	}
	return NULL;
}

int port_pools_init(struct port_pools *pools, const struct port *ports, unsigned count,
		const struct port_config *config)
{
	char name[32];

	pools->count = 0;
	for (unsigned i = 0; i < count; i++) {
		int node = ports[i].node;
		struct rte_mempool *pool;

		if (pool_of(pools, node) != NULL)
			continue;
		snprintf(name, sizeof(name), "mbufs%u", pools->count);
		pool = rte_pktmbuf_pool_create(
				name, config->mbufs, POOL_CACHE, 0, config->mbuf_bytes, node);
		if (pool == NULL) {
			LOG(ERR, "no memory for %u packet buffers of %u bytes on NUMA node %d: more huge pages, or a smaller dpdk.mbufs",
					config->mbufs, config->mbuf_bytes, node);
			return fail(ENOMEM);
		}
		pools->pools[pools->count] = pool;
		pools->nodes[pools->count++] = node;
	}
	return 0;
}

void port_pools_fini(struct port_pools *pools)
{
	for (unsigned i = 0; i < pools->count; i++)
		rte_mempool_free(pools->pools[i]);
	pools->count = 0;
}

// Frames may come in several buffers only where a driver takes more than it was told to.
static uint64_t tx_offloads(const struct rte_eth_dev_info *info, const struct port *peer)
{
	return peer->is_physical ? 0 : info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

// A paravirtual card that offers to judge checksums lets the other side leave them out. A frame that
// goes on to another port would be wrong then.
static bool is_paravirtual(const struct rte_eth_dev_info *info)
{
	return strncmp(info->driver_name, "net_virtio", strlen("net_virtio")) == 0 ||
			strcmp(info->driver_name, "net_vmxnet3") == 0;
}

static uint64_t rx_offloads(const struct rte_eth_dev_info *info, const struct port *port)
{
	if (!port->is_physical)
		return info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (is_paravirtual(info))
		return 0;
	return info->rx_offload_capa &
			(RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
}

// What the driver adds to an MTU to get a frame.
static uint32_t frame_overhead(const struct rte_eth_dev_info *info)
{
	bool is_told = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu;

	return is_told ? info->max_rx_pktlen - info->max_mtu : MTU_OVERHEAD;
}

// What the driver is to be told, so that VLAN tags fit on top of the largest IP packet: some count
// them in their overhead, some do not.
static uint32_t device_mtu(
		const struct rte_eth_dev_info *info, const struct port *port, uint32_t mtu)
{
	uint32_t overhead = frame_overhead(info);

	if (port->is_physical && overhead < MTU_OVERHEAD + TAGS_BYTES)
		mtu += MTU_OVERHEAD + TAGS_BYTES - overhead;
	return mtu;
}

// What may be asked for without being refused all the rest; port_mtu() asks for all of it.
static uint32_t first_mtu(const struct rte_eth_dev_info *info, uint32_t mtu)
{
	mtu = RTE_MIN(mtu, info->max_mtu);
	return RTE_MIN(mtu, info->max_rx_pktlen - frame_overhead(info));
}

static int port_configure(struct port *port, const struct port *peer,
		const struct rte_eth_dev_info *info, const struct port_config *config)
{
	uint8_t key[RSS_KEY_MAX];
	struct rte_eth_conf conf = {
		.rxmode.mtu = first_mtu(info, port->mtu),
		.rxmode.offloads = rx_offloads(info, port),
		.txmode.offloads = tx_offloads(info, peer),
		.intr_conf.lsc = (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) != 0,
	};
	uint64_t hash = RTE_ETH_RSS_IP |
			(config->by_addresses ? 0 : RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	int ret;

	hash &= info->flow_type_rss_offloads;
	if (config->queues > 1 && hash != 0) {
		rss_key(key);
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_key = key;
		conf.rx_adv_conf.rss_conf.rss_key_len =
				info->hash_key_size == 0 ? RSS_KEY_DEFAULT : info->hash_key_size;
		conf.rx_adv_conf.rss_conf.rss_hf = hash;
		if (info->hash_key_size > RSS_KEY_MAX) {
			LOG(ERR, "port '%s': RSS keys of %u bytes are not known here", port->name,
					info->hash_key_size);
			return fail(ENOTSUP);
		}
	}
	ret = rte_eth_dev_configure(port->id, config->queues, config->queues, &conf);
	if (ret != 0) {
		LOG(ERR, "port '%s' (%s) cannot be configured with %u queues: %s", port->name,
				port->device, config->queues, strerror(-ret));
		return fail(-ret);
	}
	return 0;
}

static int port_queues_setup(struct port *port, const struct port_pools *pools, uint16_t queues)
{
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	unsigned socket = port->node < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)port->node;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);

	for (uint16_t i = 0; ret == 0 && i < queues; i++) {
		ret = rte_eth_rx_queue_setup(
				port->id, i, rx, socket, NULL, pool_of(pools, port->node));
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(port->id, i, tx, socket, NULL);
	}
	if (ret != 0) {
		LOG(ERR, "port '%s' (%s) refuses its queues: %s", port->name, port->device,
				strerror(-ret));
		return fail(-ret);
	}
	return 0;
}

bool port_waits(const char *device)
{
	static const char file[] = "net_pcap", nothing[] = "net_null";

	return strncmp(device, nothing, strlen(nothing)) == 0 ||
			(strncmp(device, file, strlen(file)) == 0 &&
					strstr(device, ",rx_pcap=") != NULL);
}

static int port_mtu(struct port *port)
{
	int ret = rte_eth_dev_set_mtu(port->id, port->mtu);

	// A virtual device that knows no MTU takes frames of any length.
	if (ret == 0 || (ret == -ENOTSUP && !port->is_physical))
		return 0;
	if (!port->is_physical) {
		LOG(WARNING, "port '%s' takes no MTU of %u (%s): set it on the interface itself",
				port->name, port->mtu, strerror(-ret));
		return 0;
	}
	LOG(ERR, "port '%s' (%s) refuses an MTU of %u: %s", port->name, port->device, port->mtu,
			strerror(-ret));
	return fail(-ret);
}

// Pause frames are for a cable's two ends, not for us.
static void port_flow_control_off(const struct port *port)
{
	struct rte_eth_fc_conf conf = { 0 };

	if (rte_eth_dev_flow_ctrl_get(port->id, &conf) != 0)
		return;
	conf.mode = RTE_ETH_FC_NONE;
	conf.autoneg = 0;
	conf.mac_ctrl_frame_fwd = 0;
	if (rte_eth_dev_flow_ctrl_set(port->id, &conf) != 0)
		LOG(WARNING, "port '%s' keeps its flow control", port->name);
}

// Tags are for the neighbours: none is taken off, put on or filtered by. A virtual function may have
// been given that by whoever owns the device.
static void port_vlan_off(const struct port *port)
{
	int offloads = rte_eth_dev_get_vlan_offload(port->id);

	if (offloads > 0 && rte_eth_dev_set_vlan_offload(port->id, 0) != 0)
		LOG(WARNING, "port '%s' keeps its VLAN offloads", port->name);
}

// Every frame on the cable is ours to forward.
static int port_promiscuous(const struct port *port)
{
	int ret = rte_eth_promiscuous_enable(port->id);

	if (ret == 0 || ret == -ENOTSUP)
		ret = rte_eth_allmulticast_enable(port->id);
	if (ret == 0 || ret == -ENOTSUP)
		return 0;
	LOG(ERR, "port '%s' (%s) cannot receive everything: %s", port->name, port->device,
			strerror(-ret));
	return fail(-ret);
}

int port_start(struct port *port, const struct port *peer, const struct port_pools *pools,
		const struct port_config *config)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port->id, &info);

	if (ret != 0) {
		LOG(ERR, "port '%s' (%s) tells nothing of itself: %s", port->name, port->device,
				strerror(-ret));
		return fail(-ret);
	}
	port->mtu = device_mtu(&info, port, config->mtu);
	if (port_configure(port, peer, &info, config) < 0 ||
			port_queues_setup(port, pools, config->queues) < 0 || port_mtu(port) < 0)
		return -errno;
	ret = rte_eth_dev_start(port->id);
	if (ret != 0) {
		LOG(ERR, "port '%s' (%s) does not start: %s", port->name, port->device,
				strerror(-ret));
		return fail(-ret);
	}
	port->is_started = true;
	port_flow_control_off(port);
	port_vlan_off(port);
	return port_promiscuous(port);
}

int port_reset(struct port *port, const struct port *peer, const struct port_pools *pools,
		const struct port_config *config)
{
	int ret;

	port->is_started = false;
	ret = rte_eth_dev_reset(port->id);
	if (ret == -ENOTSUP)
		ret = rte_eth_dev_stop(port->id);
	if (ret != 0) {
		LOG(ERR, "port '%s' (%s) cannot be reset: %s", port->name, port->device,
				strerror(-ret));
		return fail(-ret);
	}
	return port_start(port, peer, pools, config);
}

uint64_t port_address(const struct port *port)
{
	struct rte_ether_addr address;
	struct rte_eth_dev_info info;

	// The host behind a tap sends with the address of the port.
	if (rte_eth_dev_info_get(port->id, &info) != 0 || strcmp(info.driver_name, "net_tap") == 0)
		return 0;
	return rte_eth_macaddr_get(port->id, &address) == 0 ? packet_address(address.addr_bytes) :
							      0;
}

void port_stop(struct port *port)
{
	if (port->is_started)
		rte_eth_dev_stop(port->id);
	port->is_started = false;
	rte_eth_dev_close(port->id);
}
