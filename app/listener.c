// SPDX-License-Identifier: BSD-3-Clause
#include "listener.h"

#include "fail.h"
#include "log.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LOG_TYPE("listener");

enum {
	BACKLOG = 16
};

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int bind_at(const struct sockaddr *address, socklen_t length)
{
	int fd = new_socket(address->sa_family);
	int on = 1;
	int error;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, length) == 0)
		return fd;
	error = errno;
	close(fd);
	return fail(error);
}

union ip_address {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

// The number behind `colon`, -1 when that is no port.
static long parse_port(const char *colon)
{
	size_t digits = strspn(colon + 1, "0123456789");
	long port = strtol(colon + 1, NULL, 10);

	return digits == 0 || colon[1 + digits] != '\0' || port > UINT16_MAX ? -1 : port;
}

// Takes "ADDRESS:PORT" apart and asks no name server: its silence must not stop the start.
static bool parse_address(const char *where, union ip_address *address)
{
	const char *colon = strrchr(where, ':');
	long port = colon != NULL ? parse_port(colon) : -1;
	char host[INET6_ADDRSTRLEN + 2];
	size_t length;

	if (port < 0 || (size_t)(colon - where) >= sizeof(host))
		return false;
	length = colon - where;
	memcpy(host, where, length);
	host[length] = '\0';
	*address = (union ip_address){ .ip6 = { .sin6_port = htons(port) } };
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		address->any.sa_family = AF_INET6;
		return inet_pton(AF_INET6, host + 1, &address->ip6.sin6_addr) == 1;
	}
	address->any.sa_family = AF_INET;
	return inet_pton(AF_INET, host, &address->ip4.sin_addr) == 1;
}
static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
		"the port is at the same place in both families");

static bool is_loopback(const union ip_address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->ip6.sin6_addr);
	return ntohl(address->ip4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int bind_ip(struct listener *listener, const char *where)
{
	union ip_address address;
	socklen_t length = sizeof(address);

	if (!parse_address(where, &address))
		return fail(EINVAL);
	listener->fd = bind_at(&address.any,
			address.any.sa_family == AF_INET6 ? sizeof(address.ip6) :
							    sizeof(address.ip4));
	if (listener->fd < 0)
		return listener->fd;
	listener->is_public = !is_loopback(&address);
	if (getsockname(listener->fd, &address.any, &length) < 0)
		return -errno;
	snprintf(listener->url, sizeof(listener->url), "http://%.*s:%u/",
			(int)(strrchr(where, ':') - where), where, ntohs(address.ip6.sin6_port));
	return 0;
}

// True when a socket that nobody listens at was in the way.
static bool remove_stale(const struct sockaddr_un *address)
{
	struct stat status;
	bool is_stale;
	int fd;

	if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
		return false;
	fd = new_socket(AF_UNIX);
	if (fd < 0)
		return false;
	is_stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
			errno == ECONNREFUSED;
	close(fd);
	return is_stale && unlink(address->sun_path) == 0;
}

static int bind_unix(struct listener *listener, const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = where + strlen("unix:");

	static_assert(sizeof(listener->url) > sizeof(address.sun_path) + sizeof("unix:"),
			"it fits");
	if (path[0] == '\0')
		return fail(EINVAL);
	if (strlen(path) >= sizeof(address.sun_path))
		return fail(ENAMETOOLONG);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listener->fd = bind_at((struct sockaddr *)&address, sizeof(address));
	if (listener->fd == -EADDRINUSE && remove_stale(&address))
		listener->fd = bind_at((struct sockaddr *)&address, sizeof(address));
	if (listener->fd < 0)
		return listener->fd;
	snprintf(listener->url, sizeof(listener->url), "%s", where);
	listener->unix_path = listener->url + strlen("unix:");
	// Nobody can connect before listen(), so there is no moment with other rights.
	return chmod(path, 0660) < 0 ? -errno : 0;
}

static const char *remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; stop the program that listens there or choose another address";
	case EADDRNOTAVAIL:
		return "; no interface of this machine has that address";
	case EACCES:
		return "; choose a port above 1023 or a directory that may be written";
	case EINVAL:
		return "; write ADDRESS:PORT, [IPV6]:PORT or unix:PATH";
	default:
		return "";
	}
}

int listener_open(struct listener *listener, const char *where, const char *key)
{
	int ret;

	*listener = (struct listener){ .fd = -1 };
	if (strncmp(where, "unix:", 5) == 0)
		ret = bind_unix(listener, where);
	else
		ret = bind_ip(listener, where);
	if (ret == 0 && listen(listener->fd, BACKLOG) < 0)
		ret = -errno;
	if (ret == 0)
		return 0;
	LOG(ERR, "%s: cannot listen on %s: %s%s", key, where, strerror(-ret), remedy(-ret));
	listener_close(listener);
	return fail(-ret);
}

void listener_close(struct listener *listener)
{
	if (listener->unix_path != NULL)
		unlink(listener->unix_path);
	if (listener->fd >= 0)
		close(listener->fd);
	*listener = (struct listener){ .fd = -1 };
}
