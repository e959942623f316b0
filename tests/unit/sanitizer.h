// SPDX-License-Identifier: BSD-3-Clause
// The address sanitizer keeps what was freed for a while, and touches memory of its own: what a test
// bounds, it bounds in builds without it.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define HAS_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define HAS_ADDRESS_SANITIZER 0
#endif
