// SPDX-License-Identifier: BSD-3-Clause
// The one place that knows how DPDK 22.11 to 25.11 differ.
#pragma once

#include <rte_telemetry.h>
#include <rte_version.h>

// Since 23.03 under this name; 23.11 dropped the old one.
#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#define rte_tel_data_add_array_uint rte_tel_data_add_array_u64
#endif

// What Debian puts behind the names of DPDK's packages: 23 for 22.11, 26 for 25.11.
enum {
	DPDK_ABI = RTE_VER_YEAR + (RTE_VER_MONTH >= 11)
};
