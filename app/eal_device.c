// SPDX-License-Identifier: BSD-3-Clause
#include "eal_device.h"

#include "dpdk.h"
#include "fail.h"
#include "log.h"

#include <rte_build_config.h>
#include <rte_ethdev.h>

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("device");

// Virtual devices that make as many queues as an argument says, one by default.
static const struct {
	const char *driver, *argument;
	bool spreads_flows; // symmetrically
} queue_arguments[] = {
	{ "net_af_packet", "qpairs", true }, // PACKET_FANOUT_HASH, symmetric since Linux 4.3
	{ "net_af_xdp", "queue_count", false },
	{ "net_vhost", "queues", false },
	{ "net_virtio_user", "queues", false },
};

// Whether `device` is `driver`, a number and its arguments.
static bool is_driver(const char *device, const char *driver)
{
	size_t length = strlen(driver);

	return strncmp(device, driver, length) == 0 && !islower((unsigned char)device[length]) &&
			device[length] != '_';
}

static bool has_argument(const char *device, const char *argument)
{
	size_t length = strlen(argument);

	for (const char *at = strchr(device, ','); at != NULL; at = strchr(at + 1, ',')) {
		if (strncmp(at + 1, argument, length) == 0 && at[1 + length] == '=')
			return true;
	}
	return false;
}

__attribute__((format(printf, 2, 3))) static void append(
		struct device *device, const char *format, ...)
{
	size_t length = strlen(device->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(device->text + length, sizeof(device->text) - length, format, arguments);
	va_end(arguments);
}

static void add_queues(struct device *device, unsigned workers)
{
	for (unsigned i = 0; i < RTE_DIM(queue_arguments); i++) {
		const char *argument = queue_arguments[i].argument;

		if (is_driver(device->text, queue_arguments[i].driver) &&
				!has_argument(device->text, argument) && workers > 1)
			append(device, ",%s=%u", argument, workers);
	}
}

// A slot of an AF_PACKET ring holds 2048 bytes by default; longer frames would be cut. The driver
// wants it no larger than a packet buffer, and finds it only where slots fill their block of pages.
static void add_frame_size(struct device *device, uint32_t mtu)
{
	uint32_t size = eal_buffer_bytes(mtu);

	if (!is_driver(device->text, "net_af_packet") || size == EAL_BUFFER_BYTES ||
			has_argument(device->text, "framesz") ||
			has_argument(device->text, "blocksz"))
		return;
	append(device, ",framesz=%u,blocksz=%u", size, size);
}

static bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool is_read;

	if (file == NULL)
		return false;
	is_read = fgets(text, size, file) != NULL;
	fclose(file);
	text[is_read ? strcspn(text, "\n") : 0] = '\0';
	return is_read;
}

// The PCI function that a device's path ends in or, for virtio, that is above it.
static bool pci_address(char *path, char *address, size_t size)
{
	for (int up = 0; up < 2; up++) {
		const char *name = basename(path);

		if (strlen(name) == strlen("0000:00:00.0") && name[4] == ':') {
			snprintf(address, size, "%s", name);
			return true;
		}
		path = dirname(path);
	}
	return false;
}

// The PCI address behind the network interface that has this MAC address.
static bool find_mac(const char *mac, char *address, size_t size)
{
	DIR *folder = opendir("/sys/class/net");
	char path[PATH_MAX], text[64], target[PATH_MAX];
	bool is_found = false;

	if (folder == NULL)
		return false;
	for (struct dirent *entry; !is_found && (entry = readdir(folder)) != NULL;) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/address", entry->d_name);
		if (!read_line(path, text, sizeof(text)) || strcasecmp(text, mac) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/device", entry->d_name);
		is_found = realpath(path, target) != NULL && pci_address(target, address, size);
	}
	closedir(folder);
	return is_found;
}

// The name of the kernel's driver of a PCI device, "" for none.
static void pci_driver(const char *address, char *driver, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	snprintf(driver, size, "%s", realpath(path, target) == NULL ? "" : basename(target));
}

// Whether the device was given to DPDK, or its driver shares it with DPDK.
static bool is_for_dpdk(const char *address)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio",
		"mlx5_core", "mlx4_core", "mana" };
	char driver[64];

	pci_driver(address, driver, sizeof(driver));
	for (unsigned i = 0; i < RTE_DIM(drivers); i++) {
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	}
	return false;
}

static bool is_network(const char *address)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", address);
	return read_line(path, text, sizeof(text)) && strncmp(text, "0x02", 4) == 0;
}

void device_each_candidate(void (*each)(void *context, const char *address), void *context)
{
	DIR *folder = opendir("/sys/bus/pci/devices");

	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (is_network(entry->d_name) && is_for_dpdk(entry->d_name))
			each(context, entry->d_name);
	}
	closedir(folder);
}

static int pci_node(const char *address)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", address);
	return read_line(path, text, sizeof(text)) ? (int)strtol(text, NULL, 10) : -1;
}

void device_resolve(const struct options *options, unsigned port, unsigned workers,
		struct device *device)
{
	const struct port_options *p = &options->ports[port];

	*device = (struct device){ .port = p, .node = -1, .is_resolved = true };
	snprintf(device->text, sizeof(device->text), "%s", p->device);
	if (p->kind == PORT_MAC)
		device->is_resolved = find_mac(
				p->device + strlen("mac:"), device->text, sizeof(device->text));
	snprintf(device->name, sizeof(device->name), "%.*s", (int)strcspn(device->text, ","),
			device->text);
	if (p->kind == PORT_VDEV) {
		add_queues(device, workers);
		add_frame_size(device, options->mtu);
		return;
	}
	device->is_physical = true;
	if (device->is_resolved)
		device->node = pci_node(device->name);
}

bool device_spreads_flows(const struct port_options *port)
{
	if (port->kind != PORT_VDEV)
		return true;
	for (unsigned i = 0; i < RTE_DIM(queue_arguments); i++) {
		if (is_driver(port->device, queue_arguments[i].driver))
			return queue_arguments[i].spreads_flows;
	}
	return false;
}

// "net_af_packet0" is of "af-packet", which may have other names in package and library.
static void driver_name(const struct device *device, char *name, size_t size, char separator)
{
	static const struct {
		const char *device, *name;
	} others[] = { { "net_virtio_user", "virtio" }, { "net_bonding", "bond" } };
	const char *start = device->name + strlen("net_");
	size_t length = strlen(start);

	while (length > 1 && isdigit((unsigned char)start[length - 1]))
		length--;
	snprintf(name, size, "%.*s", (int)length, start);
	for (unsigned i = 0; i < RTE_DIM(others); i++) {
		if (is_driver(device->name, others[i].device))
			snprintf(name, size, "%s", others[i].name);
	}
	for (char *at = name; *at != '\0'; at++) {
		if (*at == '_')
			*at = separator;
	}
}

static bool has_plugin(const struct device *device)
{
	char path[PATH_MAX], name[64];

	if (access(RTE_EAL_PMD_PATH, R_OK) != 0)
		return true; // drivers are not in files of their own
	driver_name(device, name, sizeof(name), '_');
	snprintf(path, sizeof(path), "%s/librte_net_%s.so", RTE_EAL_PMD_PATH, name);
	return access(path, R_OK) == 0;
}

bool device_lacks_driver(const struct device *device, char message[DEVICE_MESSAGE_BYTES])
{
	char name[64];

	if (device->port->kind != PORT_VDEV || has_plugin(device))
		return false;
	driver_name(device, name, sizeof(name), '-');
	snprintf(message, DEVICE_MESSAGE_BYTES,
			"port '%s': there is no driver for '%s'; Debian has drivers in packages: apt install librte-net-%s%s%d",
			device->port->name, device->name, name,
			isdigit((unsigned char)name[strlen(name) - 1]) ? "-" : "", DPDK_ABI);
	return true;
}

static void explain_vdev(const struct device *device)
{
	char message[DEVICE_MESSAGE_BYTES];

	if (device_lacks_driver(device, message)) {
		LOG(ERR, "%s", message);
		return;
	}
	LOG(ERR, "port '%s': '%s' does not start; are its arguments right, does what they name exist, and is this user allowed to use it? 'dpdk.log_level: debug' shows more",
			device->port->name, device->text);
}

void device_kernel_driver(const struct device *device, char *driver, size_t size)
{
	pci_driver(device->name, driver, size);
}

bool device_is_missing(const struct device *device, char message[DEVICE_MESSAGE_BYTES])
{
	const char *port = device->port->name;
	char path[PATH_MAX], driver[64];

	if (!device->is_physical || !device->is_resolved || is_for_dpdk(device->name))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device->name);
	pci_driver(device->name, driver, sizeof(driver));
	if (access(path, F_OK) != 0)
		snprintf(message, DEVICE_MESSAGE_BYTES,
				"port '%s': there is no PCI device %s; see: lspci -D | grep Ethernet",
				port, device->name);
	else
		snprintf(message, DEVICE_MESSAGE_BYTES,
				"port '%s': %s belongs to %s; give it to DPDK: driverctl set-override %s vfio-pci",
				port, device->name, driver[0] == '\0' ? "no driver" : driver,
				device->name);
	return true;
}

static bool is_mac(uint16_t id, const char *mac)
{
	struct rte_ether_addr address, wanted;

	return rte_ether_unformat_addr(mac, &wanted) == 0 &&
			rte_eth_macaddr_get(id, &address) == 0 &&
			rte_is_same_ether_addr(&address, &wanted);
}

static bool is_port(uint16_t id, const struct device *device)
{
	struct rte_eth_dev_info info;

	if (!device->is_resolved)
		return is_mac(id, device->port->device + strlen("mac:"));
	if (rte_eth_dev_info_get(id, &info) != 0 || info.device == NULL ||
			strcasecmp(rte_dev_name(info.device), device->name) != 0)
		return false;
	// A card may have several ports behind one PCI function.
	return device->port->kind != PORT_MAC || is_mac(id, device->port->device + strlen("mac:"));
}

int eal_find_port(const struct device *device)
{
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id) {
		if (is_port(id, device))
			return id;
	}
	if (device->port->kind == PORT_VDEV)
		explain_vdev(device);
	else if (device->is_resolved)
		LOG(ERR, "port '%s': no driver of DPDK takes %s; Debian has them in: apt install librte-meta-net",
				device->port->name, device->name);
	else
		LOG(ERR, "port '%s': no device has the address %s; see: ip -br link; dpdk-devbind.py --status-dev net",
				device->port->name, device->port->device + strlen("mac:"));
	return fail(ENODEV);
}
