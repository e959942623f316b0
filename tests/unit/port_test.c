// SPDX-License-Identifier: BSD-3-Clause
// A device that is made up stands in for DPDK's.
#include "port.h"

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fake {
	uint32_t flags; // of the driver
	const char *driver;
	uint64_t rx_offloads; // that it offers
	int reset; // what a reset returns
	int vlan; // offloads that it starts with
	struct rte_eth_conf conf;
	struct rte_eth_fc_conf pause;
	bool is_started, is_promiscuous, is_allmulticast;
	uint16_t mtu;
	unsigned queues, stops, resets;
} fake;

// As after it has been reset.
static void forget(void)
{
	fake.is_started = fake.is_promiscuous = fake.is_allmulticast = false;
	fake.mtu = RTE_ETHER_MTU;
	fake.queues = 0;
	fake.vlan = RTE_ETH_VLAN_STRIP_OFFLOAD;
	fake.pause.mode = RTE_ETH_FC_FULL;
	fake.pause.autoneg = fake.pause.mac_ctrl_frame_fwd = 1;
}

int rte_eth_dev_info_get(uint16_t, struct rte_eth_dev_info *info)
{
	*info = (struct rte_eth_dev_info){
		.driver_name = fake.driver != NULL ? fake.driver : "net_fake",
		.rx_offload_capa = fake.rx_offloads,
		.max_mtu = 9600,
		.max_rx_pktlen = 9622,
		.max_rx_queues = 4,
		.max_tx_queues = 4,
		.dev_flags = &fake.flags,
	};
	return 0;
}

int rte_eth_dev_configure(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *conf)
{
	assert_false(fake.is_started);
	fake.conf = *conf;
	return 0;
}

int rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t, uint16_t *, uint16_t *)
{
	return 0;
}

int rte_eth_rx_queue_setup(uint16_t, uint16_t, uint16_t, unsigned, const struct rte_eth_rxconf *,
		struct rte_mempool *)
{
	fake.queues++;
	return 0;
}

int rte_eth_tx_queue_setup(uint16_t, uint16_t, uint16_t, unsigned, const struct rte_eth_txconf *)
{
	fake.queues++;
	return 0;
}

int rte_eth_dev_set_mtu(uint16_t, uint16_t mtu)
{
	fake.mtu = mtu;
	return 0;
}

int rte_eth_dev_start(uint16_t)
{
	fake.is_started = true;
	return 0;
}

int rte_eth_dev_stop(uint16_t)
{
	fake.is_started = false;
	fake.stops++;
	return 0;
}

int rte_eth_dev_reset(uint16_t)
{
	if (fake.reset == 0) {
		fake.resets++;
		forget();
	}
	return fake.reset;
}

int rte_eth_dev_flow_ctrl_get(uint16_t, struct rte_eth_fc_conf *conf)
{
	*conf = fake.pause;
	return 0;
}

int rte_eth_dev_flow_ctrl_set(uint16_t, struct rte_eth_fc_conf *conf)
{
	fake.pause = *conf;
	return 0;
}

int rte_eth_dev_get_vlan_offload(uint16_t)
{
	return fake.vlan;
}

int rte_eth_dev_set_vlan_offload(uint16_t, int offloads)
{
	fake.vlan = offloads;
	return 0;
}

int rte_eth_promiscuous_enable(uint16_t)
{
	fake.is_promiscuous = true;
	return 0;
}

int rte_eth_allmulticast_enable(uint16_t)
{
	fake.is_allmulticast = true;
	return 0;
}

static const struct port_pools pools;
static const struct port_config config = { .queues = 2, .mtu = 9000 };

static struct port device(void)
{
	return (struct port){ .name = "p", .device = "0000:3b:00.0", .is_physical = true };
}

// Everything is received, and nothing is changed on the way.
static void check_wire(const struct port *port, bool has_interrupts)
{
	assert_true(port->is_started && fake.is_started);
	assert_int_equal(fake.conf.intr_conf.lsc, has_interrupts);
	assert_int_equal(fake.conf.rxmode.offloads, 0);
	assert_int_equal(fake.conf.txmode.offloads, 0);
	assert_int_equal(fake.conf.rxmode.mtu, port->mtu);
	assert_int_equal(fake.mtu, port->mtu);
	// The driver counts 22 bytes beside the MTU, which have room for one of two tags.
	assert_int_equal(port->mtu, 9000 + 4);
	assert_int_equal(fake.queues, 2 * config.queues);
	assert_true(fake.is_promiscuous && fake.is_allmulticast);
	assert_int_equal(fake.vlan, 0);
	assert_int_equal(fake.pause.mode, RTE_ETH_FC_NONE);
	assert_int_equal(fake.pause.autoneg, 0);
	assert_int_equal(fake.pause.mac_ctrl_frame_fwd, 0);
}

static void starts_as_a_wire(void **)
{
	for (int has_interrupts = 0; has_interrupts < 2; has_interrupts++) {
		struct port port = device();

		fake = (struct fake){ .flags = has_interrupts ? RTE_ETH_DEV_INTR_LSC : 0 };
		forget();
		assert_int_equal(port_start(&port, &port, &pools, &config), 0);
		check_wire(&port, has_interrupts);
	}
}

static void is_the_same_after_a_reset(void **)
{
	struct port port = device();

	fake = (struct fake){ .flags = RTE_ETH_DEV_INTR_LSC };
	forget();
	port_start(&port, &port, &pools, &config);
	assert_int_equal(port_reset(&port, &port, &pools, &config), 0);
	assert_int_equal(fake.resets, 1);
	check_wire(&port, true);
}

static void starts_anew_where_there_is_no_reset(void **)
{
	struct port port = device();

	fake = (struct fake){ .reset = -ENOTSUP };
	forget();
	port_start(&port, &port, &pools, &config);
	fake.queues = 0;
	assert_int_equal(port_reset(&port, &port, &pools, &config), 0);
	assert_int_equal(fake.stops, 1);
	check_wire(&port, false);
}

static void stands_still_when_a_reset_fails(void **)
{
	struct port port = device();

	fake = (struct fake){ .reset = -EIO };
	forget();
	port_start(&port, &port, &pools, &config);
	assert_int_equal(port_reset(&port, &port, &pools, &config), -EIO);
	assert_false(port.is_started);
}

// A paravirtual card then hands out frames without a checksum.
static void a_card_judges_checksums(void **)
{
	static const uint64_t sums = RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	static const struct {
		const char *driver;
		bool is_physical;
		uint64_t offered, wanted;
	} cards[] = {
		{ "net_ixgbe", true, UINT64_MAX, sums },
		{ "net_one", true, RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO,
				RTE_ETH_RX_OFFLOAD_TCP_CKSUM },
		{ "net_virtio", true, UINT64_MAX, 0 },
		{ "net_virtio_user", true, UINT64_MAX, 0 },
		{ "net_vmxnet3", true, UINT64_MAX, 0 },
		{ "net_tap", false, sums, 0 },
	};

	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		struct port port = device();

		port.is_physical = cards[i].is_physical;
		fake = (struct fake){ .driver = cards[i].driver, .rx_offloads = cards[i].offered };
		forget();
		assert_int_equal(port_start(&port, &port, &pools, &config), 0);
		assert_int_equal(fake.conf.rxmode.offloads, cards[i].wanted);
	}
}

static void only_a_right_checksum_is_believed(void **)
{
	struct rte_mbuf mbuf = { .ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH,
		.packet_type = RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP };

	assert_true(port_summed(&mbuf));
	mbuf.packet_type |= RTE_PTYPE_TUNNEL_VXLAN;
	assert_false(port_summed(&mbuf));
	mbuf.packet_type = 0;
	assert_true(port_summed(&mbuf));
	mbuf.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE; // right, but not what stands in the frame
	assert_false(port_summed(&mbuf));
	mbuf.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_false(port_summed(&mbuf));
	mbuf.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_false(port_summed(&mbuf));
}

static void files_and_nothing_wait(void **)
{
	assert_true(port_waits("net_pcap0,rx_pcap=x.pcap,infinite_rx=1"));
	assert_true(port_waits("net_null1"));
	assert_false(port_waits("net_pcap0,iface=eth0"));
	assert_false(port_waits("net_vhost0,iface=/tmp/rx_pcap="));
	assert_false(port_waits("0000:01:00.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_as_a_wire),
		cmocka_unit_test(is_the_same_after_a_reset),
		cmocka_unit_test(starts_anew_where_there_is_no_reset),
		cmocka_unit_test(stands_still_when_a_reset_fails),
		cmocka_unit_test(a_card_judges_checksums),
		cmocka_unit_test(only_a_right_checksum_is_believed),
		cmocka_unit_test(files_and_nothing_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
