// SPDX-License-Identifier: BSD-3-Clause
// Devices by the name that users give them.
#pragma once

#include "eal.h"

// Fills `device` from the port's device and what the kernel knows of it; adds the arguments that
// `workers` queues and the MTU need, where the user gave none.
void device_resolve(const struct options *options, unsigned port, unsigned workers,
		struct device *device);

// Whether both directions of a flow reach the same queue on devices of this kind.
bool device_spreads_flows(const struct port_options *port);

enum {
	DEVICE_MESSAGE_BYTES = 512
};

// Whether the device is not there, or is the kernel's and must not be touched; `message` says what is
// the matter and names the command that mends it.
bool device_is_missing(const struct device *device, char message[DEVICE_MESSAGE_BYTES]);

// Whether the driver of a virtual device is not installed, likewise.
bool device_lacks_driver(const struct device *device, char message[DEVICE_MESSAGE_BYTES]);

// The kernel's driver of a PCI device, "" for none.
void device_kernel_driver(const struct device *device, char *driver, size_t size);

// Calls `each` with the PCI address of every network controller that was given to DPDK: where a MAC
// address may be found that no kernel driver shows. Others must not be touched.
void device_each_candidate(void (*each)(void *context, const char *address), void *context);
