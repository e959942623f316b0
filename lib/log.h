// SPDX-License-Identifier: BSD-3-Clause
// Log lines with a type per file: LOG_TYPE("flow") once, then LOG(ERR, "no room for %u flows", n).
//
// Not on the packet's path: that counts. Works before and without rte_eal_init(): lines go to
// standard error. Filter with --log-level=flow:debug.
#pragma once

#include <rte_log.h>

#define LOG_TYPE(name)                                                                             \
	static int log_type;                                                                       \
	__attribute__((constructor)) static void log_type_register(void)                           \
	{                                                                                          \
		log_type = rte_log_register_type_and_pick_level("wiretag." name, RTE_LOG_INFO);    \
	}                                                                                          \
	struct log_type_needs_a_semicolon

#define LOG(level, format, ...)                                                                    \
	rte_log(RTE_LOG_##level, log_type, "wiretag: " format "\n" __VA_OPT__(, ) __VA_ARGS__)
