// SPDX-License-Identifier: BSD-3-Clause
// How functions fail: an int is 0 or -errno, a pointer is NULL with errno set.
#pragma once

#include <errno.h>
#include <stddef.h>

static inline int fail(int error)
{
	errno = error;
	return -error;
}

static inline void *fail_null(int error)
{
	errno = error;
	return NULL;
}
