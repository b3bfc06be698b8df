#include "keeper/scanning.h"

#include <stdio.h>

#include "base/log.h"

#include "formats/mail/date.h"
#include "keeper/internal.h"
#include "keeper/orders.h"
#include "requests/scanner.h"

#define ANSWER_MS  5000 /* beside what scanners may take */
#define BACK_MAX   10000
#define NOTICE_MAX ((size_t)64 << 10)

#define ALONE_MAX 3 /* times that a letter has no verdict while others have theirs */
#define TRIES_MAX 2 /* letters without one that are looked at again at once, of all workers */

static const struct scanners_settings *set_of(struct keeper *k)
{
    return &k->options.settings(k->options.context)->scanners;
}

static const char *name_of(uint64_t by)
{
    return by == SCAN_CLAMD ? "the malware scanner" : "the spam filter";
}

/* ── to ask ── */

static bool was_asked(const struct cbor_list *scans, uint64_t by)
{
    const struct scan *all = scans->items;
    bool found = false;

    for (size_t i = 0; i < scans->count; i++) {
        found = found || all[i].by == by;
    }
    return found;
}

/* What is set and has no verdict has one: nobody looked. */
static void add_away(struct cbor_list *scans, uint64_t by, bool set, struct slice why,
                     struct arena *arena)
{
    if (!set || was_asked(scans, by)) {
        return;
    }
    struct scan *all = arena_array(arena, scans->count + 1, sizeof(*all));
    for (size_t i = 0; i < scans->count; i++) {
        all[i] = ((const struct scan *)scans->items)[i];
    }
    all[scans->count] = (struct scan){
        .by = by, .verdict = SCAN_AWAY, .name = letter_text(arena, why, SCAN_NAME_MAX)};
    *scans = (struct cbor_list){all, scans->count + 1};
}

static struct scanner_ask question(const struct facts *f, struct arena *arena)
{
    const struct recipient *r = f->recipients.items;
    struct slice *names = arena_array(arena, f->recipients.count + 1, sizeof(*names));

    for (size_t i = 0; i < f->recipients.count; i++) {
        names[i] = r[i].address;
    }
    return (struct scanner_ask){
        .from = f->reverse_path,
        .recipients = {names, f->recipients.count},
        .user = f->account,
        .client = f->client,
        .helo = slice_head(f->helo, 255),
    };
}

static const struct scan *find(const struct cbor_list *scans, uint64_t verdict)
{
    const struct scan *all = scans->items;

    for (size_t i = 0; i < scans->count; i++) {
        if (all[i].verdict == verdict) {
            return &all[i];
        }
    }
    return NULL;
}

/* Whether it is this letter, and not the scanner, for which there is no verdict. */
static bool is_alone(struct keeper *k, struct parcel *p)
{
    uint64_t scanned = atomic_load(&k->counters.scanned);

    p->unscanned_alone += p->unscanned && scanned != p->scanned_then;
    p->unscanned = true;
    p->scanned_then = scanned;
    return p->unscanned_alone >= ALONE_MAX;
}

/* An alarm, and whether it must wait. What has malware in it is held whoever else is away. */
static bool may_go_on(struct keeper *k, struct parcel *p, const struct cbor_list *scans,
                      struct error *e)
{
    const struct scan *away = find(scans, SCAN_AWAY);
    bool wait = set_of(k)->away == SETTING_SCANNER_WAIT;
    char sentence[ERROR_TEXT_MAX];

    if (!away) {
        (void)atomic_fetch_add(&k->counters.scanned, 1);
        return true;
    }
    if (find(scans, SCAN_MALWARE) || (wait && is_alone(k, p))) {
        return true;
    }
    (void)snprintf(sentence, sizeof(sentence), "%s gives no verdict: %.*s. Letters %s",
                   name_of(away->by), SLICE_ARG(slice_head(away->name, 200)),
                   wait ? "wait until it does" : "leave without one (`scanner-away = send`)");
    keeper_alert(k, "scanner-away", sentence);
    return !wait || error_set(e, ERROR_BUSY, "%s", sentence);
}

static void ask(struct keeper *k, const struct facts *f, int content_fd, struct arena *arena,
                struct cbor_list *scans)
{
    const struct scanners_settings *set = set_of(k);
    struct scanner_answer answer = {0};
    struct error why = {0};

    const struct scanner_ask asked = question(f, arena);
    if (ipc_call(k->options.scanner, &scanner_scan, &asked, content_fd, &answer, NULL, arena,
                 2 * set->timeout_ms + ANSWER_MS, &why)) {
        *scans = answer.scans;
    }
    struct slice reason = why.text[0] ? slice_text(why.text) : SLICE("it was not asked");
    add_away(scans, SCAN_CLAMD, set->clamd.len != 0, reason, arena);
    add_away(scans, SCAN_RSPAMD, set->rspamd.len != 0, reason, arena);
}

bool scanning_ask(struct keeper *k, struct parcel *p, const struct facts *f, int content_fd,
                  struct arena *arena, struct cbor_list *scans, struct error *e)
{
    const struct scanners_settings *set = set_of(k);
    bool again = p->unscanned;

    *scans = (struct cbor_list){NULL, 0};
    if (f->kind != LETTER_SUBMITTED || (set->clamd.len == 0 && set->rspamd.len == 0)) {
        return true;
    }
    /* A scanner may take its whole time over each such letter: the others' workers are not all to wait for that. */
    bool turn = !again || atomic_fetch_add(&k->counters.scan_tries, 1) < TRIES_MAX;
    if (turn) {
        ask(k, f, content_fd, arena, scans);
    }
    if (again) {
        (void)atomic_fetch_sub(&k->counters.scan_tries, 1);
    }
    return turn ? may_go_on(k, p, scans, e)
                : error_set(e, ERROR_BUSY,
                            "letters without a scanner's verdict are looked at again");
}

void scanning_recall(struct keeper *k, const struct parcel *p, struct arena *arena,
                     struct cbor_list *scans)
{
    struct findings then;
    struct error e;

    if (p->findings.seq == 0) {
        return;
    }
    if (!keeper_read(k, p->findings, &findings_schema, arena, &then, &e) ||
        !parcel_owns(p, then.id, &e)) {
        log_event(LOG_WARNING, "letter.scans_unread", LOG_NUMBER("seq", p->seq),
                  LOG_TEXT("reason", e.text));
        return;
    }
    *scans = then.scans;
}

/* ── what follows ── */

/* The scanner's scan without a verdict, or NULL. */
static const struct scan *find_away(const struct cbor_list *scans, uint64_t by)
{
    const struct scan *all = scans->items;

    for (size_t i = 0; i < scans->count; i++) {
        if (all[i].by == by && all[i].verdict == SCAN_AWAY) {
            return &all[i];
        }
    }
    return NULL;
}

/* What nobody looked at, or not at all of it, and is not to leave so. */
static struct slice why_unseen(const struct scanners_settings *set, const struct cbor_list *scans,
                               struct arena *arena, uint64_t *guard)
{
    const struct scan *large = find(scans, SCAN_TOO_LARGE);
    const struct scan *away = find_away(scans, SCAN_CLAMD);

    if (set->away != SETTING_SCANNER_WAIT) {
        return SLICE_NONE;
    }
    if (large || away) {
        *guard = GUARD_OFFICER;
    }
    if (large && large->name.len) {
        return arena_printf(arena, SCANNING_WHY_PART ": %.*s", SLICE_ARG(large->name));
    }
    if (large) {
        return SLICE(SCANNING_WHY_LARGE " (its StreamMaxLength)");
    }
    if (away) {
        return arena_printf(arena, SCANNING_WHY_AWAY ": %.*s", SLICE_ARG(away->name));
    }
    away = set->spam_hold ? find_away(scans, SCAN_RSPAMD) : NULL;
    return away ? arena_printf(arena, SCANNING_WHY_UNSCORED ": %.*s", SLICE_ARG(away->name))
                : SLICE_NONE;
}

/* Why it is held, or empty; *guard is who lets it go. */
static struct slice why_held(const struct scanners_settings *set, const struct cbor_list *scans,
                             struct arena *arena, uint64_t *guard)
{
    const struct scan *malware = find(scans, SCAN_MALWARE);
    const struct scan *scored = find(scans, SCAN_SCORED);

    if (malware) {
        *guard = set->malware == SETTING_MALWARE_REFUSE ? GUARD_BACK : GUARD_OFFICER;
        return arena_printf(arena, SCANNING_WHY_MALWARE ": %.*s", SLICE_ARG(malware->name));
    }
    struct slice unseen = why_unseen(set, scans, arena, guard);
    if (*guard != GUARD_NONE) {
        return unseen;
    }
    if (scored && set->spam_hold && scored->score >= 100 * set->spam_hold) {
        return arena_printf(arena, SCANNING_WHY_SCORED " %llu.%02llu points",
                            (unsigned long long)(scored->score / 100),
                            (unsigned long long)(scored->score % 100));
    }
    return unseen;
}

/* What the policy holds already stays held by it, and what it returns goes back: without its text when malware is in it. */
static void add_guard(struct ruling *r, const struct scanning_verdict *v, struct arena *arena)
{
    uint64_t policy = r->guard;

    ruling_hold(r, v->why, arena);
    if (v->guard != GUARD_NONE) {
        r->closed = ruling_is_closed(r);
        r->guard = policy == GUARD_RETURN ? GUARD_BACK : v->guard;
    }
}

struct scanning_verdict scanning_hold(struct keeper *k, const struct findings *findings,
                                      struct arena *arena, struct decision *d)
{
    struct ruling *rulings = d->rulings.items;
    struct scanning_verdict v = {.guard = GUARD_NONE};

    v.why = why_held(set_of(k), &findings->scans, arena, &v.guard);
    for (size_t i = 0; v.why.len && i < d->rulings.count; i++) {
        add_guard(&rulings[i], &v, arena);
    }
    return v;
}

static void tell(struct keeper *k, const struct facts *f, const struct scan *malware, bool back)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "malware was found in a letter of %.*s: %.*s. It %s; see `postern show` and, "
                   "whether somebody else uses the account, `postern account show`",
                   SLICE_ARG(slice_head(f->account, 100)),
                   SLICE_ARG(slice_head(malware->name, 100)),
                   back ? "goes back" : "is held until the officer lets it go");
    log_event(LOG_WARNING, "letter.malware", LOG_NUMBER("back", back));
    keeper_alert(k, "malware", sentence);
}

/* The letter to its sender, in ASCII: nothing of what was found in is quoted. */
static void write_notice(struct keeper *k, const struct facts *f, const struct letter_id *id,
                         struct slice why, struct buf *out)
{
    const struct slice to[] = {f->reverse_path};
    const struct config_list list = {(void *)(uintptr_t)to, 1};
    char date[MAIL_DATE_MAX];
    char about[LETTER_ID_TEXT];
    struct letter_id of;

    mail_date_write((int64_t)f->received_at, date);
    about[0] = '\0';
    if (letter_id_from(f->id, &of)) {
        letter_id_text(&of, about);
    }
    own_letter_header(k->options.settings(k->options.context), id, &list, out);
    buf_printf(out,
               "Subject: Your letter was not sent\r\n"
               "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
               "Your letter of %s to %zu recipient%s was not sent:\r\n"
               "%.*s.\r\n\r\n"
               "It is kept, and waits until it was looked at. If you did not write it,\r\n"
               "somebody else uses your account: call your mail administrator now.\r\n"
               "If you did, call him as well when it should leave: it can be let go.\r\n\r\n"
               "The letter is %s in the archive.\r\n",
               date, f->recipients.count, f->recipients.count == 1 ? "" : "s", SLICE_ARG(why),
               about);
}

static bool is_writable(struct slice reverse_path)
{
    return reverse_path.len && slice_is_ascii(reverse_path);
}

bool scanning_notice(struct keeper *k, const struct facts *f,
                     const struct scanning_verdict *verdict, struct arena *arena, struct buf *text,
                     struct own_letter *notice, size_t *n, struct error *e)
{
    struct recipient *to = arena_array(arena, 1, sizeof(*to));

    *n = 0;
    if (verdict->why.len == 0 || verdict->guard == GUARD_BACK || !is_writable(f->reverse_path)) {
        return true; /* the null path wants no answer; beyond ASCII the alarm alone tells */
    }
    *to = (struct recipient){.address = f->reverse_path, .notify = NOTIFY_NEVER};
    *notice = (struct own_letter){
        .id = letter_id_new(),
        .to = {to, 1},
        .subject = SLICE("Your letter was not sent"),
        .about = f->id,
        .groups = f->groups
    };
    buf_init(text, NOTICE_MAX);
    write_notice(k, f, &notice->id, verdict->why, text);
    notice->bytes = buf_slice(text);
    *n = 1;
    return !text->full || error_set(e, ERROR_LIMIT, "the notice to a sender does not fit");
}

/* What cannot be sent back now is tried again. */
void scanning_send_back(struct keeper *k, const struct letter_id *id, uint64_t ruling)
{
    struct error e;

    if (!orders_send_back(k, id, ruling, &e)) {
        log_event(LOG_ERROR, "letter.not_returned", LOG_TEXT("reason", e.text));
        atomic_store(&k->unreturned, true);
    }
}

void scanning_follow(struct keeper *k, const struct parcel *p, const struct facts *f,
                     const struct findings *findings, const struct scanning_verdict *verdict)
{
    const struct scan *malware = find(&findings->scans, SCAN_MALWARE);

    if (malware) {
        tell(k, f, malware, verdict->guard == GUARD_BACK);
    }
    if (verdict->guard == GUARD_BACK) {
        scanning_send_back(k, &p->id, 0);
    }
}

/* ── the queue ── */

struct back {
    struct letter_id id;
    uint64_t ruling; /* counts from 1 */
};

/* Rulings that scanners hold: how many are the officer's, and the letters that are to go back. */
struct found {
    size_t officers;
    size_t n;
    struct back *ids; /* room for BACK_MAX, or NULL: they are counted */
    bool malware;     /* of what is to go back some has it in it */
    bool busy;        /* somebody has one of these in hand just now */
};

static void find_held(void *context, const struct queue_entry *entry)
{
    struct found *found = context;

    if (entry->busy) { /* who has it in hand may write its state */
        found->busy = found->busy || guard_goes_back(entry->guard);
        return;
    }
    if (entry->state != QUEUE_HELD) {
        return;
    }
    found->officers += entry->guard == GUARD_OFFICER;
    if (guard_goes_back(entry->guard) && found->n < BACK_MAX) {
        if (found->ids) {
            found->ids[found->n] = (struct back){entry->parcel->id, entry->ruling + 1};
        }
        found->n++;
        found->malware = found->malware || entry->guard == GUARD_BACK;
    }
}

void scanning_restore(struct keeper *k)
{
    struct found found = {0};
    char sentence[ERROR_TEXT_MAX];

    queue_each(k->queue, find_held, &found);
    atomic_store(&k->unreturned, found.n > 0);
    if (found.officers || found.malware) {
        (void)snprintf(sentence, sizeof(sentence),
                       "malware was found in letters before this start, or no scanner looked at "
                       "them: %zu entries of the queue wait for the officer, %zu go back to their "
                       "senders; see `postern queue list`",
                       found.officers, found.n);
        keeper_alert(k, "malware", sentence);
    }
}

void scanning_again(struct keeper *k)
{
    if (!atomic_exchange(&k->unreturned, false)) {
        return;
    }
    OWN(arena) struct arena ids = {.max = (BACK_MAX + 1) * sizeof(struct back) + 4096};
    struct found found = {.ids = arena_array(&ids, BACK_MAX, sizeof(struct back))};

    queue_each(k->queue, find_held, &found);
    for (size_t i = 0; i < found.n && !atomic_load(&k->closing); i++) {
        scanning_send_back(k, &found.ids[i].id, found.ids[i].ruling);
    }
    if (found.n == BACK_MAX || found.busy) {
        atomic_store(&k->unreturned, true);
    }
}

enum scanning_leave scanning_leave_of(uint64_t guard)
{
    return guard_goes_back(guard) ? SCANNING_NOBODY
           : guard == GUARD_NONE  ? SCANNING_ANYBODY
                                  : SCANNING_OFFICER;
}
