// SPDX-License-Identifier: BSD-3-Clause
// Answers that are no table.
#pragma once

#include <jansson.h>

void print_status(const json_t *message);
void print_host(const json_t *message);
void print_reload(const json_t *message);
void print_reopen(const json_t *message);
