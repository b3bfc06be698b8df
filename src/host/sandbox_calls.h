/* host/sandbox_calls - the system calls that a process may still make, by groups (seccomp).
 *
 * Part of host/sandbox and only called by it. */
#pragma once

#include "host/sandbox.h"

/* A sanitizer maps, traces and restarts as it likes. With one the groups are the same, but what it
 * needs is allowed, or refused with EPERM instead of fatal. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* Install the filter for the groups SANDBOX_..., for good. Wants no-new-privileges to be set.
 * ERROR_CONFIG when the kernel refuses. */
bool sandbox_limit_calls(uint64_t groups, struct error *e) MUST_CHECK;

/* Refuse with EPERM what a program that reads a file and writes others has no use for: sockets, signals
 * to others, debugging, and whatever ends a process of ours but for execve(). Likewise. */
bool sandbox_refuse_calls(struct error *e) MUST_CHECK;
