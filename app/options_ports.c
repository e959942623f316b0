// SPDX-License-Identifier: BSD-3-Clause
#include "options_ports.h"

#include <ctype.h>
#include <string.h>

enum {
	PORT_NAME_MAX = 31
};

static bool is_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return length > 0 && length <= PORT_NAME_MAX && text[length] == '\0';
}

static bool check_name(const struct yaml_node *node, struct complaints *complaints)
{
	if (is_name(yaml_text(node)))
		return true;
	yaml_complain(complaints, node,
			"a name is 1 to %d characters of a-z, 0-9, _ and -, not '%s'",
			PORT_NAME_MAX, yaml_text(node));
	return false;
}

// Whether `text` starts with the shape: x is a hexadecimal digit, all else stands for itself.
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape != '\0'; text++, shape++) {
		if (*shape == 'x' ? !isxdigit((unsigned char)*text) : *text != *shape)
			return false;
	}
	return true;
}

static bool device_kind(const char *device, enum port_kind *kind)
{
	static const char pci[] = "xxxx:xx:xx.x", mac[] = "mac:xx:xx:xx:xx:xx:xx";
	size_t end;

	if (has_shape(device, pci)) {
		*kind = PORT_PCI;
		end = strlen(pci);
		return device[end] == '\0' || device[end] == ',';
	}
	if (has_shape(device, mac)) {
		*kind = PORT_MAC;
		return device[strlen(mac)] == '\0';
	}
	*kind = PORT_VDEV;
	end = strspn(device, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return strncmp(device, "net_", 4) == 0 && end > 4 && end < 64 &&
			(device[end] == '\0' || device[end] == ',');
}

// Two devices are the same when their text up to the arguments is.
static bool is_same_device(const char *a, const char *b)
{
	size_t length = strcspn(a, ",");

	return length == strcspn(b, ",") && strncasecmp(a, b, length) == 0;
}

static void add_port(struct options *options, const struct yaml_node *name,
		const struct yaml_node *device, struct complaints *complaints)
{
	struct port_options *port = &options->ports[options->port_count];

	if (!check_name(name, complaints) || !yaml_expect(complaints, device, YAML_SCALAR))
		return;
	*port = (struct port_options){
		.name = yaml_text(name), .device = yaml_text(device), .place = device
	};
	if (!device_kind(port->device, &port->kind)) {
		yaml_complain(complaints, device,
				"a device is a PCI address (0000:3b:00.0), a virtual device "
				"(net_af_packet0,iface=veth0) or mac:aa:bb:cc:dd:ee:ff, not '%s'",
				port->device);
		return;
	}
	for (unsigned i = 0; i < options->port_count; i++) {
		if (is_same_device(options->ports[i].device, port->device)) {
			yaml_complain(complaints, device, "port '%s' already has this device",
					options->ports[i].name);
			return;
		}
	}
	options->port_count++;
}

static void resolve_ports(struct options *options, struct complaints *complaints)
{
	const struct yaml_node *map = options->ports_map;

	for (unsigned i = 0; i < yaml_count(map); i++) {
		if (options->port_count == OPTIONS_PORTS_MAX) {
			yaml_complain(complaints, yaml_key(map, i), "more than %d ports",
					OPTIONS_PORTS_MAX);
			return;
		}
		add_port(options, yaml_key(map, i), yaml_value(map, i), complaints);
	}
}

// Whether the configuration names this port, be it right or wrong: one complaint is enough.
static bool is_in_map(const struct options *options, const char *name)
{
	return options->ports_map != NULL && yaml_get(options->ports_map, name) != NULL;
}

static bool take_port(struct options *options, const struct yaml_node *pair, const char *side,
		unsigned *index, struct complaints *complaints)
{
	const struct yaml_node *node = yaml_get(pair, side);

	if (node == NULL) {
		yaml_complain(complaints, pair, "a pair needs '%s': the name of a port", side);
		return false;
	}
	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return false;
	for (unsigned i = 0; i < options->port_count; i++) {
		if (strcmp(options->ports[i].name, yaml_text(node)) != 0)
			continue;
		*index = i;
		if (!options->ports[i].is_paired) {
			options->ports[i].is_paired = true;
			return true;
		}
		yaml_complain(complaints, node, "port '%s' is already in a pair", yaml_text(node));
		return false;
	}
	if (!is_in_map(options, yaml_text(node)))
		yaml_complain(complaints, node, "there is no port '%s' in ports", yaml_text(node));
	return false;
}

static bool take_name(struct options *options, const struct yaml_node *pair, const char **name,
		struct complaints *complaints)
{
	const struct yaml_node *node = yaml_get(pair, "name");

	if (node == NULL) {
		yaml_complain(complaints, pair, "a pair needs 'name'");
		return false;
	}
	if (!yaml_expect(complaints, node, YAML_SCALAR) || !check_name(node, complaints))
		return false;
	*name = yaml_text(node);
	for (unsigned i = 0; i < options->pair_count; i++) {
		if (strcmp(options->pairs[i].name, *name) == 0) {
			yaml_complain(complaints, node, "there is another pair '%s'", *name);
			return false;
		}
	}
	return true;
}

static void check_pair_keys(const struct yaml_node *pair, struct complaints *complaints)
{
	static const char *const words[] = { "name", "inside", "outside", NULL };

	for (unsigned i = 0; i < yaml_count(pair); i++) {
		const char *text = yaml_text(yaml_key(pair, i));
		unsigned word = 0;

		while (words[word] != NULL && strcmp(words[word], text) != 0)
			word++;
		if (words[word] == NULL)
			yaml_complain_word(complaints, yaml_key(pair, i), "key of a pair", words);
	}
}

static void add_pair(struct options *options, const struct yaml_node *node,
		struct complaints *complaints)
{
	struct pair_options pair = { 0 };
	bool is_good;

	if (!yaml_expect(complaints, node, YAML_MAP))
		return;
	check_pair_keys(node, complaints);
	is_good = take_name(options, node, &pair.name, complaints);
	is_good &= take_port(options, node, "inside", &pair.inside, complaints);
	is_good &= take_port(options, node, "outside", &pair.outside, complaints);
	if (is_good)
		options->pairs[options->pair_count++] = pair;
}

void options_resolve_ports(struct options *options, struct complaints *complaints)
{
	const struct yaml_node *list = options->pairs_list;
	unsigned count = list == NULL ? 0 : yaml_count(list);

	if (options->ports_map != NULL)
		resolve_ports(options, complaints);
	if (count > PAIRS_MAX) {
		yaml_complain(complaints, yaml_item(list, PAIRS_MAX), "more than %d pairs",
				PAIRS_MAX);
		count = PAIRS_MAX;
	}
	for (unsigned i = 0; i < count; i++)
		add_pair(options, yaml_item(list, i), complaints);
	for (unsigned i = 0; i < options->port_count; i++) {
		if (!options->ports[i].is_paired)
			yaml_complain(complaints, options->ports[i].place,
					"port '%s' is in no pair", options->ports[i].name);
	}
}

void options_need_pairs(const struct options *options, struct complaints *complaints)
{
	if (yaml_count(options->pairs_list) == 0)
		complain(complaints, "%s: no pairs: there is nothing to forward between",
				options->path);
}

// Parameters of the EAL that are made from other keys.
static const struct {
	const char *name, *key;
} generated[] = {
	{ "lcores", "lcores" },
	{ "l", "lcores" },
	{ "c", "lcores" },
	{ "main-lcore", "lcores.manager" },
	{ "a", "ports" },
	{ "allow", "ports" },
	{ "b", "ports" },
	{ "block", "ports" },
	{ "vdev", "ports" },
	{ "no-pci", "ports" },
	{ "m", "dpdk.memory" },
	{ "no-huge", "dpdk.memory" },
	{ "in-memory", "dpdk.memory" },
	{ "file-prefix", "dpdk.file_prefix" },
	{ "log-level", "dpdk.log_level" },
	{ "telemetry", "telemetry" },
	{ "no-telemetry", "telemetry" },
	{ "proc-type", NULL },
	{ "h", NULL },
	{ "help", NULL },
	{ "v", NULL },
	{ "version", NULL },
};

static void check_eal_param(const struct yaml_node *key, struct complaints *complaints)
{
	const char *name = yaml_text(key);
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (length == 0 || name[length] != '\0' || name[0] == '-') {
		yaml_complain(complaints, key,
				"a parameter is written without dashes before it, not '%s'", name);
		return;
	}
	for (unsigned i = 0; i < sizeof(generated) / sizeof(generated[0]); i++) {
		if (strcmp(generated[i].name, name) != 0)
			continue;
		if (generated[i].key == NULL)
			yaml_complain(complaints, key, "'%s' is not for wiretag", name);
		else
			yaml_complain(complaints, key, "'%s' is made from %s", name,
					generated[i].key);
		return;
	}
}

void options_check_eal_params(const struct options *options, struct complaints *complaints)
{
	const struct yaml_node *map = options->eal_params;

	for (unsigned i = 0; map != NULL && i < yaml_count(map); i++) {
		check_eal_param(yaml_key(map, i), complaints);
		yaml_expect(complaints, yaml_value(map, i), YAML_SCALAR);
	}
}
