#include "stages/limits/traffic_model_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

#define MODEL_MAX 128
#define PLACES    1024

static struct figure {
    char name[48];
    double value;
    bool read;
} model[MODEL_MAX];

static size_t n_figures;

void traffic_read(void)
{
    const char *corpus = getenv("CORPUS");
    char path[512];
    char line[512];

    (void)snprintf(path, sizeof(path), "%s/../traffic/office.model",
                   corpus ? corpus : "tests/corpus");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        const char *value = strstr(line, " = ");
        if (line[0] != '#' && value) {
            struct figure *x = &model[n_figures];
            (void)snprintf(x->name, sizeof(x->name), "%.*s", (int)(value - line), line);
            x->value = strtod(value + strlen(" = "), NULL);
            assert_true(++n_figures < MODEL_MAX);
        }
    }
    (void)fclose(f);
}

/* A name that is not there is a mistake of this test. */
static double look_up(const char *name)
{
    for (size_t i = 0; i < n_figures; i++) {
        if (strcmp(model[i].name, name) == 0) {
            model[i].read = true;
            return model[i].value;
        }
    }
    fail_msg("the model has no %s", name);
    return 0;
}

const char *traffic_unread(void)
{
    for (size_t i = 0; i < n_figures; i++) {
        if (!model[i].read) {
            return model[i].name;
        }
    }
    return NULL;
}

/* Each is asked for millions of times: what was found is kept by where the name stands in the program. */
double of(const char *name)
{
    static struct {
        const char *name;
        double value;
    } kept[PLACES];

    size_t at = (uintptr_t)name / 2 % PLACES;

    if (kept[at].name != name) {
        kept[at].value = look_up(name);
        kept[at].name = name;
    }
    return kept[at].value;
}

uint64_t traffic_seed = TRAFFIC_FIRST;

uint64_t next(void)
{
    traffic_seed ^= traffic_seed << 13;
    traffic_seed ^= traffic_seed >> 7;
    traffic_seed ^= traffic_seed << 17;
    return traffic_seed;
}

double chance(void)
{
    return (double)(next() >> 11) / 9007199254740992.0;
}

bool happens(double share)
{
    return chance() < share;
}

unsigned about(double mean)
{
    double spread = mean * (0.5 + chance());
    return (unsigned)spread + happens(spread - (double)(unsigned)spread);
}

int64_t within(int64_t from, int64_t to)
{
    return from + (int64_t)(chance() * (double)(to - from));
}
