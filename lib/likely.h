// SPDX-License-Identifier: BSD-3-Clause
// Which way nearly all packets go. Not beside DPDK's headers, which have the same words.
#pragma once

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
