/* keeper/counters - what happened since the keeper started, counted by whoever sees it; any thread. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Counters of what happened since the start. */
struct keeper_counters {
    _Atomic uint64_t recorded, refused, repeated, delivered, deferred, failed, notices;
    _Atomic uint64_t imported;
    _Atomic uint64_t sign_ins, sign_in_failures, alarms;
    _Atomic uint64_t scanned;    /* letters of which all scanners gave a verdict; in no metric */
    _Atomic unsigned scan_tries; /* scans under way of letters that had none before; likewise */
};

/* Refusals at the control socket that were recorded; see callers.c. */
struct refusals {
    _Atomic int64_t minute; /* of the steady clock */
    _Atomic uint32_t count;
};
