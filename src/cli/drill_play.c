/* The acts of a played attack, in the order in which thieves do it: try whether the account is good, take the contacts, send. */
#include "base/clock.h"

#include "cli/drill.h"
#include "cli/print.h"
#include "requests/admin.h"
#include "requests/contacts.h"
#include "requests/permits.h"

#define LETTER_MAX   ((size_t)16 << 10)
#define LETTER_ARENA ((size_t)4 << 20)
#define RECONNECTS   3 /* in a row, before he gives up */

void drill_clock(struct drill *d)
{
    int64_t ms = clock_steady_ms() - d->began_ms;

    buf_printf(&d->cli->out, "%5lld.%lld s  ", (long long)(ms / 1000),
               (long long)(ms % 1000 / 100));
}

/* ── sending ── */

/* Another network is another third number of an IPv4 address (catalog_known_network()); 0 is the owner's. */
static struct address network_address(uint64_t network)
{
    const uint8_t bytes[] = {127, (uint8_t)(network ? 64 + network : 0), (uint8_t)network, 1};

    return address_from_bytes(slice_of(bytes, sizeof(bytes)), 0);
}

static struct session *sign_in(struct drill *d, uint64_t network, struct arena *arena,
                               struct session_failure *failure)
{
    struct address from = network_address(network);
    const struct session_peer peer = {.host = d->cli->settings->general.hostname,
                                      .address = d->server,
                                      .level = LEVEL_ENCRYPTED,
                                      .implicit_tls = d->implicit_tls,
                                      .user = d->account.account,
                                      .password = d->account.password,
                                      .from = d->loopback ? &from : NULL};

    return session_open(&d->settings, &peer, arena, failure);
}

/* One letter to one recipient. */
static struct recipient_outcome send_one(struct drill *d, struct session *s, struct slice to,
                                         bool phishing, struct arena *arena,
                                         enum session_sent *state)
{
    OWN(buf) struct buf bytes = {.max = LETTER_MAX};
    const struct recipient recipient = {.address = to, .notify = NOTIFY_NEVER};
    struct recipient_outcome outcome = {.status = DELIVERY_DEFERRED};

    (phishing ? drill_write_phishing : drill_write_ordinary)(d->account.account, to, d->number++,
                                                             &bytes);
    const struct session_letter letter = {.bytes = buf_slice(&bytes),
                                          .reverse_path = d->account.account,
                                          .recipients = &recipient,
                                          .n_recipients = 1};
    *state = session_send(s, &letter, arena, &outcome);
    return outcome;
}

static void say_reply(struct drill *d, const struct recipient_outcome *o)
{
    buf_printf(&d->cli->out, "%llu ", (unsigned long long)o->code);
    print_clean(&d->cli->out, slice_head(o->reply, 200));
    buf_add_byte(&d->cli->out, '\n');
}

/* What its owner does all day: without that every network would be its first one. */
static bool play_owner(struct drill *d, struct error *e)
{
    OWN(arena) struct arena arena = {.max = LETTER_ARENA};
    struct session_failure failure = {0};
    enum session_sent state = SESSION_OVER;
    OWN(session) struct session *s = sign_in(d, 0, &arena, &failure);

    if (!s) {
        return error_set(e, ERROR_BUSY, "the account of the drill cannot sign in: %.*s",
                         SLICE_ARG(slice_head(failure.why.reply, 300)));
    }
    struct recipient_outcome o = send_one(d, s, d->account.account, false, &arena, &state);
    drill_clock(d);
    buf_add_text(&d->cli->out, "the owner writes to somebody in the company: ");
    say_reply(d, &o);
    return o.status == DELIVERY_DELIVERED || error_set(e, ERROR_BUSY, "not even its owner sends");
}

static void play_sign_ins(struct drill *d)
{
    OWN(arena) struct arena arena = {.max = LETTER_ARENA};
    struct session_failure failure = {0};
    uint64_t let_in = 0;

    for (uint64_t i = 1; i <= d->networks; i++) {
        OWN(session) struct session *s = sign_in(d, i, &arena, &failure);
        let_in += s != NULL;
    }
    drill_clock(d);
    buf_printf(&d->cli->out,
               "somebody signs in from %llu networks where it had not been used: %llu let in\n",
               (unsigned long long)d->networks, (unsigned long long)let_in);
}

/* ── contacts ── */

/* Signed in at the desk, as the thief. */
static bool open_desk(struct drill *d, struct cli *thief, struct error *e)
{
    const struct admin_sign_in_ask ask = {.account = d->account.account,
                                          .password = d->account.password};
    struct admin_sign_in_answer answer;

    if (!cli_ask(thief, CLI_KEEPER, &admin_sign_in, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct caller_pass_ask pass = {.pass = answer.pass};
    return cli_ask(thief, CLI_KEEPER, &caller_pass, &pass, NULL, NULL, CLI_ASK_MS, e);
}

/* All of the company's, page by page; what is refused ends it. */
static uint64_t list_all(struct cli *thief, uint64_t *total, struct error *e)
{
    struct contact_list_ask ask = {.company = true};
    struct contact_list_answer answer;
    bool more = true;

    while (more && cli_ask(thief, CLI_KEEPER, &contact_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        ask.skip += answer.contacts.count;
        *total = answer.total;
        more = answer.contacts.count && ask.skip < answer.total;
    }
    return ask.skip;
}

static uint64_t find_singly(struct cli *thief, struct error *e)
{
    static const char *const beginnings[] = {
        "an", "ma", "pe", "jo", "ch", "st", "th", "ka", "ha", "sa", "da", "mi", "ro", "cl", "cu",
        "ju", "fr", "er", "be", "wo", "al", "el", "in", "su", "ge", "he", "lu", "ni", "pa", "ta"};
    uint64_t found = 0;

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        const struct contact_find_ask ask = {.words = slice_text(beginnings[i])};
        struct contact_find_answer answer;
        if (!cli_ask(thief, CLI_KEEPER, &contact_find, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return found;
        }
        found += answer.found.count;
    }
    return found;
}

static void play_contacts(struct drill *d)
{
    struct cli thief = {.config_path = d->cli->config_path,
                        .settings = d->cli->settings,
                        .nobody = true,
                        .arena = {.max = (size_t)256 << 20}};
    struct error e = {.text = ""};
    uint64_t total = 0;

    bool in = open_desk(d, &thief, &e);
    uint64_t listed = in ? list_all(&thief, &total, &e) : 0;
    uint64_t found = in && listed == 0 ? find_singly(&thief, &e) : 0;
    drill_clock(d);
    if (!in) {
        buf_printf(&d->cli->out, "he cannot read the contacts: %s\n", e.text);
    } else if (listed) {
        buf_printf(&d->cli->out, "he reads the company's contacts: %llu of %llu\n",
                   (unsigned long long)listed, (unsigned long long)total);
    } else {
        buf_printf(&d->cli->out, "he reads the company's contacts: %llu, one after the other%s%s\n",
                   (unsigned long long)found, e.text[0] ? ", until: " : "", e.text);
    }
    cli_reconnect(&thief);
    arena_done(&thief.arena);
}

/* ── phishing ── */

struct sending {
    struct session *session;
    uint64_t refused;
    unsigned reconnects; /* in a row */
};

static bool look(struct drill *d, struct error *e)
{
    const struct drill_account_ask ask = {.account = d->account.account};
    struct drill_look_answer seen;

    if (!cli_ask(d->cli, CLI_KEEPER, &drill_look, &ask, &seen, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    d->suspended = seen.suspended_at != 0;
    return true;
}

static bool judge(struct drill *d, struct sending *s, struct slice to,
                  const struct recipient_outcome *o, struct error *e)
{
    if (o->status == DELIVERY_DELIVERED) {
        d->taken++;
        return true;
    }
    if (!look(d, e)) {
        return false;
    }
    if (s->refused++ == 0 || d->suspended) {
        drill_clock(d);
        buf_printf(&d->cli->out,
                   "letter %llu, to %.*s, is refused: ", (unsigned long long)d->number - 1,
                   SLICE_ARG(to));
        say_reply(d, o);
    }
    return true;
}

/* The recipient of a letter: the second one is to the decoy, if there is one. */
static struct slice victim(const struct drill *d, uint64_t i, struct arena *arena)
{
    return d->account.decoy.len && i == 1 ? d->account.decoy : drill_stranger(i, arena);
}

static bool reconnect(struct drill *d, struct sending *s, struct arena *arena)
{
    struct session_failure failure = {0};

    if (!s->session) {
        s->session = sign_in(d, DRILL_NETWORKS_MAX + 1, arena, &failure);
        s->reconnects = s->session ? 0 : s->reconnects + 1;
    }
    return s->session != NULL;
}

static bool play_phishing(struct drill *d, struct error *e)
{
    OWN(arena) struct arena arena = {.max = LETTER_ARENA};
    struct sending s = {0};
    bool ok = true;

    drill_clock(d);
    buf_printf(&d->cli->out, "he sends, each letter to another stranger%s\n",
               d->account.decoy.len ? ", and the second to one whom he has from a list" : "");
    d->sending_ms = clock_wall_ms();
    for (uint64_t i = 0; ok && i < d->letters && !d->suspended && s.reconnects < RECONNECTS; i++) {
        enum session_sent state = SESSION_OVER;
        arena_reset(&arena);
        struct slice to = victim(d, i, &arena);
        if (!reconnect(d, &s, &arena)) {
            ok = look(d, e);
            continue;
        }
        struct recipient_outcome o = send_one(d, s.session, to, true, &arena, &state);
        ok = judge(d, &s, to, &o, e);
        if (state != SESSION_READY) {
            session_close(TAKE(s.session, NULL));
        }
    }
    session_close(s.session);
    drill_clock(d);
    buf_printf(&d->cli->out, "%llu letters were taken, %llu refused%s\n",
               (unsigned long long)d->taken, (unsigned long long)s.refused,
               d->suspended ? "; the account is suspended" : "");
    return ok;
}

bool drill_play(struct drill *d, struct error *e)
{
    if (!play_owner(d, e)) {
        return false;
    }
    play_sign_ins(d);
    play_contacts(d);
    return play_phishing(d, e);
}
