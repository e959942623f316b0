// SPDX-License-Identifier: BSD-3-Clause
// The configuration's keys for people: help, manual page, and the values in force.
//
// Thread: the manager.
#pragma once

#include "options.h"

// Every key with its range, default and meaning.
void options_help(FILE *stream);
// The same as text for scdoc, wiretag.yaml(5).
void options_manual(FILE *stream);
// Every key with the value that it has, as a configuration file that says the same.
void options_dump(const struct options *options, FILE *stream);
