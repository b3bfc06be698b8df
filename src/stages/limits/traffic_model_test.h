/* stages/limits/traffic_model_test - the figures of tests/traffic/office.model, and chance that is the same from run to run. For tests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TRAFFIC_FIRST UINT64_C(88172645463325252)

/* From where chance goes on. */
extern uint64_t traffic_seed;

/* Read the model. */
void traffic_read(void);

/* A figure of it; a name that is not there is a mistake of the test. The name is a literal. */
double of(const char *name);

/* One that nobody asked for yet, or NULL. */
const char *traffic_unread(void);

/* Chance: a number, one below 1, whether something with that share happens, a whole number with about this mean, one between two. */
uint64_t next(void);
double chance(void);
bool happens(double share);
unsigned about(double mean);
int64_t within(int64_t from, int64_t to);
