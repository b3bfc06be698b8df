#include "processes/auth_password.h"

#include <fcntl.h>

#include "host/file.h"
#include "passwords/dump.h"

/* A domain without its last part: nobody calls his company `com`. */
static void add_domain(struct password_words *words, struct slice domain)
{
    size_t dot = domain.len;

    for (size_t i = 0; i < domain.len; i++) {
        dot = domain.ptr[i] == '.' ? i : dot;
    }
    password_words_add(words, slice_head(domain, dot));
}

static void add_address(struct password_words *words, struct slice address)
{
    struct slice domain;

    password_words_add(words, slice_cut(address, '@', &domain));
    add_domain(words, domain);
}

/* The account's words first: when there is no room for all, they count most. */
static void collect(const struct settings *settings, const struct auth_verifier_ask *ask,
                    struct password_words *words)
{
    const struct slice *addresses = ask->addresses.items;
    const struct slice *domains = settings->general.domains.items;

    add_address(words, ask->account);
    password_words_add(words, ask->display);
    for (size_t i = 0; i < ask->addresses.count; i++) {
        add_address(words, addresses[i]);
    }
    for (size_t i = 0; i < settings->general.domains.count; i++) {
        add_domain(words, domains[i]);
    }
    add_domain(words, settings->general.hostname);
    password_words_add(words, SLICE("postern"));
}

bool auth_password_judge(const struct settings *settings, int folder,
                         const struct auth_verifier_ask *ask, struct password_judgement *judgement,
                         struct error *e)
{
    struct password_words words = {.count = 0};
    struct password_facts facts = {.second_factor = ask->second_factor, .words = &words};
    struct filter breached;
    OWN(fd) int fd = -1;

    collect(settings, ask, &words);
    if (folder >= 0) {
        switch (file_open(folder, DUMP_NAME, O_RDONLY, &fd, e)) {
        case FILE_FAILED:
            return false;
        case FILE_FOUND:
            if (!filter_open(&breached, fd, e)) {
                return false;
            }
            facts.breached = &breached;
            break;
        case FILE_MISSING:
            break;
        }
    }
    return password_judge(ask->password, &facts, judgement, e);
}
