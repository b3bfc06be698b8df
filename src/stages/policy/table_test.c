/* Policies as people write them, and what becomes of a letter by them. */
#include "stages/policy/policy.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static bool read_settings(const char *more, struct arena *arena, struct settings *s,
                          struct error *e)
{
    struct slice text = arena_printf(arena,
                                     "domain = example.test\nhostname = mail.example.test\n"
                                     "data-directory = /var/lib/postern\n"
                                     "tls-certificate = /c.pem\ntls-key = /k.pem\n%s",
                                     more);

    return settings_read(text, "postern.conf", arena, s, NULL, e);
}

/* A letter of Anna's with card numbers in it, to three people: of Paul a certificate is known, Petra's domain has DANE. */
struct scene {
    struct arena arena;
    struct recipient to[3];
    struct recipient_state states[3];
    struct slice groups[1];
    struct part parts[2];
    struct detected detected[1];
    struct facts facts;
    struct mail_header header;
    struct findings findings;
    struct decision decision;
};

static void set(struct scene *s)
{
    *s = (struct scene){
        .arena = {.max = 1 << 22                                      },
        .to = {{.address = SLICE("paul@partner.test")},
                  {.address = SLICE("petra@sure.test")},
                  {.address = SLICE("bea@example.test")}},
        .states = {{.smime = {true, SLICE("a certificate until 2030")}},
                  {.transport = TRANSPORT_DANE, .transport_why = SLICE("DANE")},
                  {.transport = TRANSPORT_NONE}},
        .groups = {SLICE("sales")},
        .parts = {{.type = SLICE("text/plain"), .reading = PART_TEXT, .size = 900},
                  {.type = SLICE("application/pdf"),
                   .name = SLICE("a.pdf"),
                   .reading = PART_UNREADABLE,
                   .reason = SLICE("encrypted"),
                   .size = 20000}},
        .detected = {{DETECTED_CARD, 1}                                      },
    };
    s->facts = (struct facts){
        .kind = LETTER_SUBMITTED,
        .account = SLICE("anna@example.test"),
        .reverse_path = SLICE("anna@example.test"),
        .subject = SLICE("[secure] Offer"),
        .size = 30000,
        .recipients = {s->to,     3},
        .groups = {s->groups, 1}
    };
    s->findings = (struct findings){
        .parts = {s->parts,    2},
          .detected = {s->detected, 1}
    };
    mail_header_read(SLICE("From: Info <info@sub.example.test>\r\nX-Label: Company\r\n"
                           "Subject: [secure] Offer\r\n\r\nx\r\n"),
                     &limits, false, &s->arena, &s->header);
}

static void decide(struct scene *s, const char *more)
{
    struct settings settings;
    struct error e;
    const struct policy_letter l = {&s->facts, &s->header, &s->findings, s->states};

    assert_ok(read_settings(more, &s->arena, &settings, &e), e);
    policy_decide(&l, &settings, &s->arena, &s->decision);
}

static bool is_about(const struct ruling *r, size_t recipient)
{
    for (size_t n = 1; n < r->recipients.len; n += 2) {
        if (r->recipients.ptr[n] == recipient) {
            return true;
        }
    }
    return false;
}

static const char *end_of(const struct ruling *r)
{
    assert_int_equal(r->hold, r->guard != 0);
    return r->guard == GUARD_RETURN   ? "return"
           : r->guard == GUARD_POLICY ? "hold"
                                      : rung_name(r->method ? r->method : r->level);
}

/* "paul:out:smime petra:out:authenticated bea::encrypted": what each gets, and by which section. */
static struct slice outcome(struct scene *s)
{
    static const char *const names[] = {"paul", "petra", "bea"};
    const struct ruling *rulings = s->decision.rulings.items;
    struct slice text = SLICE("");

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < s->decision.rulings.count; k++) {
            if (is_about(&rulings[k], i)) {
                text = arena_printf(&s->arena, "%.*s%s%s:%.*s:%s", SLICE_ARG(text), i ? " " : "",
                                    names[i], SLICE_ARG(rulings[k].policy), end_of(&rulings[k]));
            }
        }
    }
    return text;
}

#define STEPS(methods) "methods = " methods "\n"
#define REST           "[policy default]\n" STEPS("encrypted")

static const struct {
    const char *policy, *outcome;
} policies[] = {
    {"",                                                                                         "paul::encrypted petra::encrypted bea::encrypted"      },
    {"[policy out]\noutside = yes\n" STEPS("smime, authenticated"),
     "paul:out:smime petra:out:authenticated bea::encrypted"                                                                                            },
    {"[policy out]\noutside = yes\n" STEPS("smime") REST,
     "paul:out:smime petra:out:hold bea:default:encrypted"                                                                                              },
    {"[policy out]\noutside = yes\n" STEPS("openpgp, attachments") "otherwise = return\n",
     "paul:out:return petra:out:return bea::encrypted"                                                                                                  },
    {"[policy one]\nto = PAUL@partner.test\n" STEPS("cleartext") REST,
     "paul:one:cleartext petra:default:encrypted bea:default:encrypted"                                                                                 },
    {"[policy one]\nto-domain = partner.test\n" STEPS(
         "cleartext") "[domain partner.test]\ntls = verified\n",
     "paul:one:verified petra::encrypted bea::encrypted"                                                                                                }, /* what [domain] says stays the floor */
    {"[policy one]\nto-domain = partner.test\n" STEPS(
         "encrypted") "[policy two]\noutside = yes\n" STEPS("encrypted") "[domain "
                                                                         "x.test]\nroute = "
                                                                         "y:25\n",          "paul:one:encrypted petra:two:encrypted bea::encrypted"},
    {"[label s]\nsubject-tag = [SECURE]\n[policy x]\nlabel = s\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[label s]\nsubject-tag = [other]\n[policy x]\nlabel = s\n" STEPS("verified"),
     "paul::encrypted petra::encrypted bea::encrypted"                                                                                                  },
    {"[policy x]\nheader-label = \"X-Label: company\"\nsubject-tag = offer\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfinding = iban, card\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfinding = iban\n" STEPS("verified"),
     "paul::encrypted petra::encrypted bea::encrypted"                                                                                                  },
    {"[policy x]\nfinding = unread\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfinding = encrypted\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfinding = mismatch\n" STEPS("verified"),
     "paul::encrypted petra::encrypted bea::encrypted"                                                                                                  },
    {"[policy x]\nfrom = info@sub.example.test\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfrom = anna@example.test\nfrom-domain = sub.example.test\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\nfrom-domain = other.test\n" STEPS("verified"),
     "paul::encrypted petra::encrypted bea::encrypted"                                                                                                  },
    {"[policy x]\ngroup = sales\nlarger-than = 29999B\n" STEPS("verified"),
     "paul:x:verified petra:x:verified bea:x:verified"                                                                                                  },
    {"[policy x]\ngroup = sales\nlarger-than = 30000B\n" STEPS("verified"),
     "paul::encrypted petra::encrypted bea::encrypted"                                                                                                  },
    {"[policy x]\nattachment-larger-than = 19999B\nto = bea@example.test\n" STEPS("smime"),
     "paul::encrypted petra::encrypted bea:x:hold"                                                                                                      },
    {"[policy x]\noutside = yes\n" STEPS("authenticated") "[smarthost]\nhost = r.test:587\n",
     "paul:x:hold petra:x:hold bea::verified"                                                                                                           }, /* beyond the smart host nothing is known */
    {"[policy x]\noutside = yes\n" STEPS(
         "encrypted") "[smarthost]\nhost = r.test:587\ntls = none\n",
     "paul:x:hold petra:x:hold bea::cleartext"                                                                                                          },
};

/* The sender's certificate signs what nothing encrypts, and changes no step. */
static void what_is_not_encrypted_is_signed(void **unused)
{
    static const struct {
        const char *policy, *outcome;
    } rows[] = {
        {"sign-letters = smime\n",                                                         "paul::smime-signed petra::smime-signed bea::smime-signed"},
        {"sign-letters = openpgp\n",                                                       "paul::encrypted petra::encrypted bea::encrypted"         },
        {"sign-letters = openpgp, smime\n"
         "[policy out]\noutside = yes\n" STEPS("smime, authenticated"),
         "paul:out:smime petra:out:smime-signed bea::smime-signed"                                                                                   },
        {"sign-letters = smime\n"
         "[policy out]\noutside = yes\n" STEPS("openpgp") "otherwise = return\n",
         "paul:out:return petra:out:return bea::smime-signed"                                                                                        },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        set(&s);
        for (size_t k = 0; k < 3; k++) {
            s.states[k].smime_signed = (struct recipient_fact){true, SLICE("certificate 12")};
            s.states[k].openpgp_signed = (struct recipient_fact){.why = SLICE("no key")};
        }
        decide(&s, rows[i].policy);
        assert_slice(outcome(&s), rows[i].outcome);
        const struct ruling *r = s.decision.rulings.items;
        assert_int_equal(r[s.decision.rulings.count - 1].level, LEVEL_ENCRYPTED);
        arena_done(&s.arena);
    }
}

static void what_cannot_be_signed_for_too_long_stays(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    s.states[0].smime_signed = (struct recipient_fact){.why = SLICE("no signer"), .over = true};
    decide(&s, "sign-letters = smime\n");
    assert_slice(outcome(&s), "paul::hold petra::encrypted bea::encrypted");
    arena_done(&s.arena);
}

static void a_table_of_policies(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct scene s;
        set(&s);
        decide(&s, policies[i].policy);
        struct slice got = outcome(&s);
        if (!slice_equal(got, slice_text(policies[i].outcome))) {
            fail_msg("%s\n%.*s", policies[i].policy, SLICE_ARG(got));
        }
        arena_done(&s.arena);
    }
}

/* Each step that was looked at, in its order, with its reason; the last was taken. */
static void what_was_tried_is_said(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    decide(&s, "[policy x]\nto-domain = partner.test\n" STEPS("openpgp, authenticated, smime"));
    const struct ruling *r = s.decision.rulings.items;
    const struct ruling_try *t = r->tried.items;
    assert_int_equal(r->tried.count, 3);
    assert_int_equal(t[0].rung, RUNG_OPENPGP);
    assert_int_equal(t[1].rung, RUNG_AUTHENTICATED);
    assert_slice(t[1].why, "nothing proves which servers are the domain's");
    assert_int_equal(t[2].rung, RUNG_SMIME);
    assert_slice(t[2].why, "a certificate until 2030");
    assert_slice(r->reason, "[policy x]: a recipient in partner.test");
    assert_int_equal(r->level, LEVEL_ENCRYPTED); /* of the connection, as outbound-tls says */
    decide(&s, "[policy x]\nto-domain = sure.test\n" STEPS(
                   "openpgp") "otherwise = return\nreason = Ask for a key.\n");
    r = (const struct ruling *)s.decision.rulings.items + 1;
    t = r->tried.items;
    assert_int_equal(r->tried.count, 2);
    assert_int_equal(t[1].rung, RUNG_RETURN);
    assert_slice(r->reason, "Ask for a key. (policy x; not openpgp: nothing is known of it)");
    arena_done(&s.arena);
}

/* What could not be looked at for as long as a letter waits: no lower step, and nobody else is touched. */
static void what_stays_unknown_ends_the_policy(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    s.states[1].smime = (struct recipient_fact){.why = SLICE("nobody answers"), .over = true};
    decide(&s, "[policy x]\noutside = yes\n" STEPS("smime, authenticated, encrypted"));
    assert_slice(outcome(&s), "paul:x:smime petra:x:hold bea::encrypted");
    const struct ruling *r = (const struct ruling *)s.decision.rulings.items + 1;
    assert_int_equal(r->tried.count, 2);
    decide(&s, "[policy x]\noutside = yes\n" STEPS("authenticated, smime"));
    assert_slice(outcome(&s), "paul:x:smime petra:x:authenticated bea::encrypted");
    arena_done(&s.arena);
}

/* One mailbox is one, however the settings and the envelope write it. */
static void mailboxes_are_compared_not_texts(void **unused)
{
    static const struct {
        const char *to, *recipient;
        bool same;
    } rows[] = {
        {"anna@partner.test",       "\"anna\"@partner.test",   true },
        {"anna@partner.test",       "\"an\\na\"@PARTNER.test", true },
        {"anna@xn--bcher-kva.test",
         "anna@b\xc3\xbc"
         "cher.test",                                          true },
        {"anna@xn--bcher-kva.test",
         "\"anna\"@B\xc3\x9c"
         "CHER.test",                                          true },
        {"anna@partner.test",       "\"anna \"@partner.test",  false},
        {"anna@bucher.test",
         "anna@b\xc3\xbc"
         "cher.test",                                          false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        set(&s);
        s.to[0].address = slice_text(rows[i].recipient);
        struct slice text =
            arena_printf(&s.arena, "[policy x]\nto = %s\n" STEPS("openpgp"), rows[i].to);
        decide(&s, arena_text(&s.arena, text));
        const struct ruling *r = s.decision.rulings.items;
        if ((r->guard == GUARD_POLICY) != rows[i].same) {
            fail_msg("%s against %s", rows[i].to, rows[i].recipient);
        }
        arena_done(&s.arena);
    }
}

static void unknown_is_no_reason_against(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    s.states[0].transport = TRANSPORT_UNKNOWN;
    decide(&s, "[policy x]\nto-domain = partner.test\n" STEPS("authenticated, encrypted"));
    const struct ruling *r = s.decision.rulings.items;
    assert_int_equal(r->level, LEVEL_AUTHENTICATED); /* it waits rather than leave below */
    arena_done(&s.arena);
}

/* One ruling for those of one domain with one outcome, with what is said of each; another one for who gets something else. */
static void the_same_outcome_is_one_ruling(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    s.to[1].address = SLICE("petra@PARTNER.test");
    s.to[2].address = SLICE("bea@partner.test");
    s.states[1] = (struct recipient_state){
        .smime = {true, SLICE("a certificate until 2031")}
    };
    decide(&s, "[policy x]\noutside = yes\n" STEPS("smime"));
    const struct ruling *r = s.decision.rulings.items;
    assert_int_equal(s.decision.rulings.count, 2);
    assert_int_equal(r[0].recipients.len, 4);
    assert_slice(((const struct ruling_try *)r[0].tried.items)[0].why,
                 "a certificate until 2030; a certificate until 2031");
    assert_int_equal(r[1].guard, GUARD_POLICY); /* and weakens nobody else's */
    arena_done(&s.arena);
}

static void files_are_cleaned_or_the_letter_stays(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    decide(&s, "[policy p]\nto-domain = partner.test\nmethods = smime\nmetadata = require\n" REST
               "metadata = remove\n");
    const struct ruling *r = s.decision.rulings.items;
    assert_int_equal(r[0].clean, CLEAN_REQUIRE);
    assert_int_equal(r[1].clean, CLEAN_REMOVE);
    for (int partly = 0; partly < 2; partly++) {
        s.states[0].uncleaned = SLICE("plan.doc: stays as it is");
        s.states[0].partly = partly;
        decide(&s, "[policy p]\nto-domain = partner.test\nmethods = smime\nmetadata = require\n");
        r = s.decision.rulings.items;
        assert_true(r[0].hold && r[0].guard == GUARD_POLICY && r[0].method == RUNG_NONE);
        assert_int_equal(r[0].clean, partly ? CLEAN_REMOVE : CLEAN_NOT);
        assert_slice(r[0].reason, "(policy p; its files: plan.doc: stays as it is)");
    }
    decide(&s, REST); /* keep */
    assert_slice(outcome(&s),
                 "paul:default:encrypted petra:default:encrypted bea:default:encrypted");
    arena_done(&s.arena);
}

static void notices_are_under_no_policy(void **unused)
{
    struct scene s;
    (void)unused;

    set(&s);
    s.facts.kind = LETTER_NOTICE;
    decide(&s, "[policy default]\n" STEPS("smime") "otherwise = return\n");
    assert_slice(outcome(&s), "paul::encrypted petra::encrypted bea::encrypted");
    arena_done(&s.arena);
}

static void steps_are_named_as_in_records(void **unused)
{
    static const struct {
        int method;
        enum rung rung;
    } rows[] = {
        {SETTING_METHOD_SMIME,         RUNG_SMIME        },
        {SETTING_METHOD_OPENPGP,       RUNG_OPENPGP      },
        {SETTING_METHOD_ATTACHMENTS,   RUNG_ATTACHMENTS  },
        {SETTING_METHOD_AUTHENTICATED, RUNG_AUTHENTICATED},
        {SETTING_METHOD_VERIFIED,      RUNG_VERIFIED     },
        {SETTING_METHOD_ENCRYPTED,     RUNG_ENCRYPTED    },
        {SETTING_METHOD_CLEARTEXT,     RUNG_CLEARTEXT    },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(settings_method_name(rows[i].method), rung_name(rows[i].rung));
    }
}

static void the_text_of_a_policy(void **unused)
{
    OWN(arena) struct arena a = {.max = 1 << 22};
    struct settings s;
    struct error e;
    (void)unused;

    assert_ok(
        read_settings(
            "attachments-language = german\nattachments-cover = Call us.\n"
            "[policy b]\nreason = No.\nmetadata = remove\nmethods = smime\nmethods = verified\n"
            "to = x@y.test\nfinding = card\nlabel = l\noutside = yes\n"
            "[domain y.test]\ntls = cleartext\nrequire-tls = yes\n[certificates p]\n"
            "server = l.a\ntrust-store = /t\nbase = o=y\n[label l]\naccount = p@example.test\n",
            &a, &s, &e),
        e);
    assert_slice(
        policy_text(&s, &a),
        "[label l]\naccount = p@example.test\nremove-tag = no\n"
        "[policy b]\nto = x@y.test\noutside = yes\nlabel = l\nfinding = card\n"
        "methods = smime, verified\notherwise = hold\nmetadata = remove\nreason = No.\n"
        "smime-modern = no\nsmime-revocation = soft\nsmime-ocsp = yes\nsmime-dns = no\n"
        "openpgp-lookup = no\nopenpgp-autocrypt = no\nattachments-password = generated\n"
        "attachments-password-keep = 720h\nattachments-text = inside\n"
        "attachments-language = german\nattachments-cover = Call us.\nattachments-metadata = no\n"
        "outbound-tls = encrypted\n[domain y.test]\ntls = cleartext\nrequire-tls = yes\n"
        "[certificates p]\nserver = l.a:636\ntrust-store = /t\nbase = o=y\n");
    assert_ok(read_settings("[label l]\nsubject-tag = x\n", &a, &s, &e), e);
    assert_slice(policy_text(&s, &a), "");
}

static void what_makes_no_sense(void **unused)
{
    static const struct {
        const char *section, *complaint;
    } rows[] = {
        {"[policy x]\noutside = yes\nmethods = smime, pgp\n",
         "postern.conf:8: `methods` wants one of `smime`"                                                                                           },
        {"[policy x]\noutside = yes\nmethod = smime\n",
         "postern.conf:8: there is no setting `method` in [policy x]; did you mean `methods`?"                                                      },
        {"[policy x]\noutside = yes\n",                                                     "postern.conf:6: `methods` is not set in [policy x]"    },
        {"[policy x]\nmethods = smime\n",                                                   "postern.conf:6: [policy x]: it has no condition"       },
        {"[policy default]\noutside = yes\nmethods = smime\n",                              "has no conditions"                                     },
        {"[policy default]\nmethods = smime\n[policy x]\nto = a@b.test\nmethods = smime\n",
         "postern.conf:6: [policy default]: it stands behind the other"                                                                             },
        {"[policy x]\noutside = yes\n\nmethods = cleartext\n",
         "postern.conf:9: [policy x]: `cleartext` is for whom the section names"                                                                    },
        {"[policy x]\noutside = yes\nmethods = encrypted, smime\n",                         "would never be"                                        },
        {"[policy x]\noutside = yes\nmethods = smime, smime\n",                             "twice"                                                 },
        {"[policy x]\notherwise = drop\noutside = yes\nmethods = smime\n",
         "postern.conf:7: `otherwise` wants one of `hold`, `return`; it says `drop`"                                                                },
        {"[label a]\nsubject-tag = x\n[policy x]\nmethods = smime\nlabel = a, b\n",
         "postern.conf:10: [policy x]: `label` wants the name of a [label] section; it says `b`, "
         "and there is a"                                                                                                                           },
        {"[label a]\n",                                                                     "postern.conf:6: [label a]: nothing puts it on a letter"},
        {"[label a]\naccount = a@b.test\nremove-tag = yes\n",
         "`remove-tag` without a `subject-tag`"                                                                                                     },
        {"[label a]\nsubject-tag = x\nheader-label = X-Label\n",
         "postern.conf:8: [label a]: `header-label` wants"                                                                                          },
        {"[approval x]\nlabel = a\napprover-role = officer\n",                              "[approval x]: `label` wants"                           },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(arena) struct arena a = {.max = 1 << 22};
        struct settings s;
        struct error e = {0};
        assert_false(read_settings(rows[i].section, &a, &s, &e));
        if (!strstr(e.text, rows[i].complaint)) {
            fail_msg("%s: %s", rows[i].section, e.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_policies),
        cmocka_unit_test(what_is_not_encrypted_is_signed),
        cmocka_unit_test(what_cannot_be_signed_for_too_long_stays),
        cmocka_unit_test(what_was_tried_is_said),
        cmocka_unit_test(what_stays_unknown_ends_the_policy),
        cmocka_unit_test(mailboxes_are_compared_not_texts),
        cmocka_unit_test(unknown_is_no_reason_against),
        cmocka_unit_test(the_same_outcome_is_one_ruling),
        cmocka_unit_test(files_are_cleaned_or_the_letter_stays),
        cmocka_unit_test(notices_are_under_no_policy),
        cmocka_unit_test(steps_are_named_as_in_records),
        cmocka_unit_test(the_text_of_a_policy),
        cmocka_unit_test(what_makes_no_sense),
    };
    return cmocka_run_group_tests_name("stages/policy table", tests, NULL, NULL);
}
