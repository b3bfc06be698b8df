/* The ladder over methods that exist here alone: what they make can be read, and they fail as they are told. */
#include "base/clock.h"

#include "keeper/copying.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "stages/protect/recipe.h"
#include "tests/test.h"

#define LARGE ((size_t)90 << 20)

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

/* ── methods ── */

static size_t asked; /* how often */

static bool any_starts(const struct copy_ask *ask, const char *with)
{
    size_t i = 0;

    while (i < ask->n_recipients && !slice_starts(ask->recipients[i], slice_text(with))) {
        i++;
    }
    return i < ask->n_recipients;
}

static void fill(int fd, size_t size)
{
    static char line[1 << 20];
    struct error e;

    (void)memset(line, 'a', sizeof(line));
    for (size_t i = 0; i + 64 < sizeof(line); i += 64) {
        line[i] = '\r';
        line[i + 1] = '\n';
    }
    for (size_t n = 0; n < size; n += sizeof(line)) {
        assert_ok(memfd_add(fd, slice_of(line, sizeof(line)), &e), e);
    }
}

/* A letter that names its recipients as an encrypted one does, and hides its subject. */
static enum copy_end make(const char *name, const struct copy_ask *ask, struct arena *arena,
                          struct copy_made *out, struct error *e)
{
    struct mail_header h;
    struct slice to = SLICE_NONE;
    struct slice *texts = arena_array(arena, 1, sizeof(*texts));
    asked++;
    mail_header_read(ask->letter, &limits, false, arena, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    assert_null(mail_header_find(&h, MAIL_BCC));
    assert_null(mail_header_find(&h, MAIL_RECEIVED));
    assert_slice(ask->sender, "anna@example.test");
    assert_true(memfd_is_sealed(ask->letter_fd));
    assert_non_null(mail_header_find(&h, MAIL_MESSAGE_ID));
    for (size_t i = 0; i < ask->n_recipients; i++) {
        to = arena_printf(arena, "%.*s %.*s", SLICE_ARG(to), SLICE_ARG(ask->recipients[i]));
    }
    assert_ok(memfd_open("made", &out->fd, e), *e);
    for (size_t i = 0; i < h.n_fields; i++) {
        const struct mail_field *f = &h.fields[i];
        if (f->name == MAIL_FROM && any_starts(ask, "altered")) { /* as one taken over does it */
            assert_ok(memfd_add(out->fd, SLICE("From: boss@example.test\r\n"), e), *e);
        } else if (f->name == MAIL_FROM || f->name == MAIL_MESSAGE_ID) {
            assert_ok(memfd_add(out->fd, f->raw, e), *e);
        }
    }
    struct slice rest =
        arena_printf(arena, "Subject: [...]\r\n\r\n%s for%.*s\r\n", name, SLICE_ARG(to));
    assert_ok(memfd_add(out->fd, rest, e), *e);
    if (any_starts(ask, "large")) {
        fill(out->fd, LARGE);
    }
    assert_ok(memfd_seal(out->fd, e), *e);
    texts[0] = slice_text(name);
    out->texts = texts;
    out->n_texts = 1;
    return COPY_MADE;
}

static enum copy_end make_smime(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                                struct copy_made *out, struct error *e)
{
    (void)k;
    if (any_starts(ask, "later")) {
        (void)error_set(e, ERROR_BUSY, "nobody answers");
        return COPY_LATER;
    }
    if (any_starts(ask, "broken") || ask->n_recipients > 3) {
        (void)error_set(e, ERROR_INPUT, "its certificate is broken");
        return COPY_CANNOT;
    }
    return make("S/MIME", ask, arena, out, e);
}

static enum copy_end make_locked(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                                 struct copy_made *out, struct error *e)
{
    (void)k;
    assert_int_equal(ask->n_recipients, 1);
    if (any_starts(ask, "broken-twice")) {
        (void)error_set(e, ERROR_INPUT, "a document cannot be locked");
        return COPY_CANNOT;
    }
    return make("locked", ask, arena, out, e);
}

static void on_alert(void *context, const char *event, const char *sentence)
{
    (void)context, (void)sentence;
    assert_string_equal(event, "copy-altered");
}

static const struct copy_method methods[] = {
    {RUNG_SMIME,       false, make_smime },
    {RUNG_ATTACHMENTS, true,  make_locked},
    {0,                false, NULL       },
};

/* ── a policy: S/MIME, then locked documents, then a person; but nothing for those at plain.test and clean.test ── */

static void choose(const struct recipient_state *s, struct ruling *r)
{
    bool second = s->secret.usable && !s->smime.over;
    r->method = s->smime.usable ? RUNG_SMIME : second ? RUNG_ATTACHMENTS : RUNG_NONE;
    r->hold = r->method == RUNG_NONE;
    r->reason = r->hold && !s->smime.over ? s->secret.why : s->smime.why;
    r->reason = r->method == RUNG_SMIME ? SLICE("smime") : r->reason;
    if (slice_equal(r->domain, SLICE("plain.test"))) {
        r->method = RUNG_NONE;
        r->hold = false;
        r->reason = SLICE("plain");
    }
    if (slice_equal(r->domain, SLICE("clean.test"))) { /* all of it is to be taken out */
        r->method = RUNG_NONE;
        r->reason = s->uncleaned;
        r->hold = s->uncleaned.len != 0;
        r->clean = r->hold ? CLEAN_REMOVE * s->partly : CLEAN_REQUIRE;
    }
}

static void policy(const struct policy_letter *known, const struct settings *settings,
                   struct arena *arena, struct decision *out)
{
    const struct recipient *all = known->facts->recipients.items;
    size_t n = known->facts->recipients.count;
    struct ruling *rulings = arena_array(arena, n, sizeof(*rulings));

    (void)settings;
    for (size_t i = 0; i < n; i++) {
        uint8_t *index = arena_array(arena, 2, 1);
        index[1] = (uint8_t)i;
        rulings[i].domain = letter_domain(all[i].address);
        rulings[i].recipients = slice_of(index, 2);
        rulings[i].level = LEVEL_ENCRYPTED;
        choose(&known->states[i], &rulings[i]);
    }
    *out = (struct decision){
        .id = known->facts->id, .rulings = {rulings, n}
    };
}

static void stubborn(const struct policy_letter *known, const struct settings *settings,
                     struct arena *arena, struct decision *out)
{
    policy(known, settings, arena, out);
    ((struct ruling *)out->rulings.items)[0].method = RUNG_SMIME;
}

/* ── the scene ── */

static const struct settings *settings_of(void *settings)
{
    return settings;
}

struct scene {
    struct keeper k;
    struct settings settings;
    struct arena arena, config;
    struct copy_cleaned cleaned; /* made: what the inspector gave back */
    struct letter_id id;
    struct facts facts;
    struct mail_header header;
    struct slice letter;
    struct copying copying;
    struct decision decision;
    struct error e;
};

static void begin(struct scene *s, const char *to, const char *recipients)
{
    struct config_problems problems;
    struct slice rest = slice_text(recipients);
    struct recipient *list = NULL;

    (void)memset(s, 0, sizeof(*s));
    arena_init(&s->arena, 64 << 20);
    arena_init(&s->config, CONFIG_ARENA_MAX);
    assert_ok(settings_read(SLICE("domain = example.test\nhostname = mail.example.test\n"), "x",
                            &s->config, &s->settings, &problems, &s->e),
              s->e);
    s->k.options.settings = settings_of;
    s->k.options.alert = on_alert;
    s->k.options.context = &s->settings;
    s->k.copy_methods = methods;
    (void)pthread_mutex_init(&s->k.keys.lock, NULL);
    s->k.keys.known = true; /* there are none */
    s->k.keys.read_at = clock_steady_ms();
    s->id = letter_id_new();
    s->facts = (struct facts){.id = letter_id_slice(&s->id), .received_at = 1795505400000};
    list = arena_array(&s->arena, 300, sizeof(*list));
    while (rest.len) {
        list[s->facts.recipients.count++].address = slice_cut(rest, ' ', &rest);
    }
    s->facts.recipients.items = list;
    s->letter = arena_printf(&s->arena,
                             "From: Anna <anna@example.test>\r\nTo: %s\r\nBcc: hidden@bcc.test\r\n"
                             "Subject: Secret plan\r\n\r\nThe plan.\r\n",
                             to);
    mail_header_read(s->letter, &limits, false, &s->arena, &s->header);
    asked = 0;
}

static bool decide(struct scene *s, copying_policy *by)
{
    size_t n = s->facts.recipients.count;
    struct recipient_state *states = arena_array(&s->arena, n + 1, sizeof(*states));
    const struct policy_letter known = {&s->facts, &s->header, NULL, states};
    for (size_t i = 0; i < n; i++) {
        states[i].smime.usable = states[i].secret.usable = true;
    }
    s->copying.source = (struct copy_source){.k = &s->k,
                                             .settings = &s->settings,
                                             .facts = &s->facts,
                                             .header = &s->header,
                                             .content = s->letter,
                                             .arena = &s->arena};
    s->copying.policy = by;
    copy_source_init(&s->copying.source);
    s->copying.source.cleaned = s->cleaned.made ? s->cleaned : s->copying.source.cleaned;
    return copying_decide(&s->copying, &known, states, &s->decision, &s->e);
}

static void end(struct scene *s)
{
    copying_done(&s->copying);
    arena_done(&s->arena);
    arena_done(&s->config);
    (void)pthread_mutex_destroy(&s->k.keys.lock);
}

/* The bytes of a copy, from its record as delivery makes them again. */
static struct slice copy_bytes(struct scene *s, size_t number)
{
    const struct sealed *sealed = &s->copying.copies[number - 1].sealed;
    OWN(buf) struct buf record = {.max = 1 << 20};
    OWN(buf) struct buf copy = {0};
    uint8_t digest[DIGEST_LEN];
    struct sealed again;

    assert_in_range(number, 1, s->copying.n_copies);
    assert_int_equal(sealed->copy, number);
    cbor_write(&record, &sealed_schema, sealed);
    struct slice body = arena_copy(&s->arena, buf_slice(&record));
    assert_ok(cbor_read(body, &sealed_schema, &s->arena, &again, &s->e), s->e);
    assert_ok(recipe_follow(&again, again.method ? SLICE_NONE : s->letter, &s->arena, &copy, &s->e),
              s->e);
    digest_of(buf_slice(&copy), SLICE_NONE, digest);
    assert_true(slice_equal(again.digest, SLICE_ARRAY(digest)));
    return arena_copy(&s->arena, buf_slice(&copy));
}

static bool holds(struct slice text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static struct slice rulings_text(struct scene *s)
{
    const struct ruling *r = s->decision.rulings.items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < s->decision.rulings.count; i++) {
        for (size_t k = 0; k < r[i].recipients.len; k += 2) {
            text = arena_printf(&s->arena, "%.*s%s%u>%u:%.*s%s", SLICE_ARG(text),
                                text.len ? " " : "", (unsigned)r[i].recipients.ptr[k + 1],
                                (unsigned)r[i].copy, SLICE_ARG(r[i].reason), r[i].hold ? "!" : "");
        }
    }
    return text;
}

static struct scene s;

static void run(const char *to, const char *recipients)
{
    begin(&s, to, recipients);
    assert_ok(decide(&s, policy), s.e);
}

static void an_open_letter_has_one_copy(void **unused)
{
    (void)unused;
    run("bob@plain.test", "bob@plain.test hidden@plain.test");
    assert_slice(rulings_text(&s), "0>0:plain 1>0:plain");
    assert_int_equal(s.copying.n_copies, 1);
    assert_int_equal(s.copying.copies[0].sealed.method, RUNG_NONE);
    assert_true(holds(copy_bytes(&s, 1), "Subject: Secret plan\r\n"));
    assert_int_equal(asked, 0);
    end(&s);
}

static void no_copy_names_who_is_hidden_from_it(void **unused)
{
    (void)unused;
    run("bob@x.test, eve@plain.test, Carl <carl@y.test>",
        "bob@x.test eve@plain.test carl@y.test hidden@bcc.test other@x.test");
    assert_slice(rulings_text(&s), "0>2:smime 1>1:plain 2>2:smime 3>3:smime 4>4:smime");
    assert_int_equal(s.copying.n_copies, 4);
    assert_true(holds(copy_bytes(&s, 2), "S/MIME for bob@x.test carl@y.test\r\n"));
    assert_true(holds(copy_bytes(&s, 3), "S/MIME for hidden@bcc.test\r\n"));
    assert_true(holds(copy_bytes(&s, 4), "S/MIME for other@x.test\r\n"));
    for (size_t i = 1; i <= 4; i++) {
        struct slice bytes = copy_bytes(&s, i);
        assert_int_equal(holds(bytes, "hidden"), i == 3);
        assert_int_equal(holds(bytes, "other"), i == 4);
        assert_int_equal(holds(bytes, "Secret"), i == 1);
        assert_true(slice_starts(bytes, SLICE("Received: by mail.example.test (Postern)")));
        assert_int_equal(s.copying.copies[i - 1].sealed.protection.count, i != 1);
    }
    end(&s);
}

static void all_copies_have_one_message_id(void **unused)
{
    (void)unused;
    struct slice ids[2];

    run("bob@x.test", "bob@x.test hidden@bcc.test eve@plain.test");
    for (size_t i = 0; i < 2; i++) {
        struct slice bytes = copy_bytes(&s, i + 1);
        const uint8_t *at = memmem(bytes.ptr, bytes.len, "Message-ID: ", 12);
        assert_non_null(at);
        struct slice rest = slice_from(bytes, (size_t)(at - bytes.ptr));
        ids[i] = slice_head(rest, slice_find(rest, '\r'));
    }
    assert_true(slice_equal(ids[0], ids[1]));
    end(&s);
}

/* The next step is his alone, and says why. */
static void who_cannot_have_it_goes_one_step_down(void **unused)
{
    (void)unused;
    run("bob@x.test, broken@x.test, carl@y.test, broken-twice@x.test",
        "bob@x.test broken@x.test carl@y.test broken-twice@x.test");
    assert_slice(rulings_text(&s), "0>2:smime 1>3:its certificate is broken 2>2:smime "
                                   "3>1:a document cannot be locked!");
    assert_int_equal(s.copying.n_copies, 3);
    assert_true(holds(copy_bytes(&s, 2), "S/MIME for bob@x.test carl@y.test\r\n"));
    assert_true(holds(copy_bytes(&s, 3), "locked for broken@x.test\r\n"));
    assert_int_equal(s.copying.copies[2].sealed.method, RUNG_ATTACHMENTS);
    end(&s);
    run("bob@x.test", "bob@x.test broken@bcc.test");
    assert_slice(rulings_text(&s), "0>1:smime 1>2:its certificate is broken");
    end(&s);
    run("altered@x.test", "altered@x.test"); /* it says that somebody else sent it */
    assert_slice(rulings_text(&s), "0>0:what protects it changed its header!");
    end(&s);
}

/* Together it cannot be had, by each alone it can. */
static void a_crowd_is_divided(void **unused)
{
    (void)unused;
    run("a@x.test, b@x.test, c@x.test, d@x.test", "a@x.test b@x.test c@x.test d@x.test");
    assert_slice(rulings_text(&s), "0>1:smime 1>2:smime 2>3:smime 3>4:smime");
    end(&s);
}

static void what_cannot_be_had_now_delays_the_letter(void **unused)
{
    (void)unused;
    begin(&s, "bob@x.test", "bob@x.test later@y.test");
    assert_false(decide(&s, policy));
    end(&s);
    begin(&s, "bob@x.test", "bob@x.test later@y.test");
    s.copying.over = true; /* for too long: nobody else waits, and no lower step is taken */
    assert_ok(decide(&s, policy), s.e);
    assert_slice(rulings_text(&s), "0>2:smime 1>1:nobody answers, for as long as a letter waits!");
    end(&s);
}

static void without_a_method_nothing_weaker_leaves(void **unused)
{
    (void)unused;
    static const struct copy_method none[] = {
        {0, false, NULL}
    };

    begin(&s, "bob@x.test", "bob@x.test");
    s.k.copy_methods = none;
    assert_ok(decide(&s, policy), s.e);
    assert_slice(rulings_text(&s), "0>0:nothing here can protect a letter so!");
    end(&s);
    begin(&s, "broken@x.test", "broken@x.test");
    assert_false(decide(&s, stubborn));
    assert_int_equal(s.e.kind, ERROR_CORRUPT);
    end(&s);
}

/* What was found a part of first, and then of the whole, ends: the letter does not wait for ever. */
static void what_cannot_be_cleaned_at_last_is_as_it_was(void **unused)
{
    (void)unused;
    begin(&s, "bob@clean.test", "bob@clean.test");
    s.cleaned = (struct copy_cleaned){.made = true, .changed = true, .left = SLICE("a.doc stays")};
    assert_ok(memfd_open("cleaned", &s.cleaned.fd, &s.e), s.e);
    assert_ok(memfd_add(s.cleaned.fd, SLICE("no header\r\n\r\nx\r\n"), &s.e), s.e);
    assert_ok(memfd_seal(s.cleaned.fd, &s.e), s.e);
    assert_ok(decide(&s, policy), s.e);
    assert_slice(rulings_text(&s), "0>0:what protects it made a header with a defect in line 1!");
    assert_true(holds(copy_bytes(&s, 1), "The plan."));
    end(&s);
}

/* What is recorded whole has a limit: of those whose copies fit the letter leaves so. */
static void large_copies_share_a_budget(void **unused)
{
    (void)unused;
    run("bob@x.test", "bob@x.test large@bcc.test large-too@bcc.test");
    struct slice text = rulings_text(&s);
    assert_true(slice_starts(text, SLICE("0>2:smime 1>3:smime 2>1:the letter's protected copies "
                                         "together have more than 160 MiB")));
    const struct leaving *large = &s.copying.copies[2];
    assert_true(large->script.size > LARGE);
    assert_true(large->script.n_edits > 2); /* no literal is larger than a record's member may be */
    end(&s);
}

static void there_is_a_number_of_copies(void **unused)
{
    (void)unused;
    OWN(buf) struct buf many = {.max = 1 << 20};

    for (size_t i = 0; i < 250; i++) {
        buf_printf(&many, "%sb%zu@bcc.test", i ? " " : "", i);
    }
    buf_add_byte(&many, '\0');
    run("bob@x.test", (const char *)many.ptr);
    assert_int_equal(s.copying.n_copies, COPIES_MAX);
    const struct ruling *r = s.decision.rulings.items;
    assert_true(r[249].hold && !r[0].hold);
    end(&s);
}

/* A parcel gets them with the places of their records. */
static void copies_are_handed_over(void **unused)
{
    (void)unused;
    struct parcel *p = parcel_new();
    const struct ledger_ref refs[] = {{.seq = 7}, {.seq = 8}, {.seq = 9}};

    run("bob@x.test", "bob@x.test hidden@bcc.test eve@plain.test");
    assert_int_equal(s.copying.n_copies, 3);
    assert_ok(copying_keep(&s.copying, &s.e), s.e);
    copying_hand_over(&s.copying, p, refs);
    for (size_t i = 1; i <= 3; i++) {
        struct parcel_copy *copy = parcel_copy_at(p, i);
        OWN(memfd_map) struct memfd_map map = {0};
        struct slice bytes = copy_bytes(&s, i);
        assert_int_equal(copy->ref.seq, 6 + i);
        assert_int_equal(copy->size, bytes.len);
        assert_ok(memfd_map(copy->fd, 100000, &map, &s.e), s.e);
        assert_true(slice_equal(map.bytes, bytes));
    }
    end(&s);
    parcel_drop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_letter_has_one_copy),
        cmocka_unit_test(no_copy_names_who_is_hidden_from_it),
        cmocka_unit_test(all_copies_have_one_message_id),
        cmocka_unit_test(who_cannot_have_it_goes_one_step_down),
        cmocka_unit_test(a_crowd_is_divided),
        cmocka_unit_test(what_cannot_be_had_now_delays_the_letter),
        cmocka_unit_test(without_a_method_nothing_weaker_leaves),
        cmocka_unit_test(what_cannot_be_cleaned_at_last_is_as_it_was),
        cmocka_unit_test(large_copies_share_a_budget),
        cmocka_unit_test(there_is_a_number_of_copies),
        cmocka_unit_test(copies_are_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
