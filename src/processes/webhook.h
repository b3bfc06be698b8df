/* processes/webhook - post what the supervisor raised as an alarm to `alert-webhook`, as JSON:
 *
 *     {"alarm":"disk-warning","from":"keeper","sentence":"...","host":"mail.example.test",
 *      "time":"2026-11-24T07:30:00.000Z"}
 *
 * A thread of its own tries each a few times; beyond WEBHOOK_WAITING_MAX that wait, one is lost and
 * the log says so. Nobody is told here what `alert-command` was not. */
#pragma once

#include "processes/errand.h"

#define WEBHOOK_WAITING_MAX 32
#define WEBHOOK_TRIES       5

/* Begin to hear alarms. `errands` lives as long as the process. False with ERROR_BUSY. */
bool webhook_start(const struct errands *errands, struct error *e) MUST_CHECK;
