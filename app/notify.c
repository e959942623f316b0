// SPDX-License-Identifier: BSD-3-Clause
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path == NULL ? 0 : strlen(path);
	int fd;

	if (length < 2 || length > sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	// sd_notify(3): @ stands for the NUL of an abstract name.
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
			offsetof(struct sockaddr_un, sun_path) + length);
	close(fd);
}
