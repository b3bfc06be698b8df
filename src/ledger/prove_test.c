/* Proofs out of a ledger of several segments and packs. */
#include "ledger/prove.h"
#include "ledger/rig.h"
#include "tests/test.h"

#define RECORDS 40

/* A checkpoint of the ledger as it is. */
static struct checkpoint head_of(struct rig *r)
{
    struct ledger_head head;
    struct checkpoint c = {.origin = SLICE_NONE};

    ledger_head(r->ledger, &head);
    c.size = head.size;
    (void)memcpy(c.root, head.root, sizeof(c.root));
    return c;
}

static void leaf_of(struct rig *r, struct ledger_reader *reader, unsigned number, uint64_t *seq,
                    uint8_t leaf[static MERKLE_LEN])
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct ledger_entry entry;
    struct error e;
    uint8_t commitment[DIGEST_LEN];

    assert_ok(ledger_reader_get(reader, r->acked[number].ref, &a, &entry, &e), e);
    digest_of(SLICE_ARRAY(entry.blind), entry.body, commitment);
    assert_memory_equal(commitment, entry.commitment, sizeof(commitment));
    *seq = entry.ref.seq;
    ledger_leaf(*seq, entry.type, entry.time_ms, commitment, leaf);
}

static void prove_all(struct rig *r, const struct checkpoint *points, size_t n)
{
    OWN(buf) struct buf nodes = {.max = MERKLE_PROOF_MAX * MERKLE_LEN};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);
    struct error e;

    for (unsigned i = 0; i < RECORDS; i += 3) {
        uint8_t leaf[MERKLE_LEN];
        uint64_t seq = 0;
        leaf_of(r, reader, i, &seq, leaf);
        const struct checkpoint *in = &points[n - 1];
        assert_ok(ledger_prove_record(r->dirfd, seq, leaf, in, &nodes, &e), e);
        assert_true(merkle_check_inclusion(seq, in->size, leaf, buf_slice(&nodes), in->root));
        leaf[0] ^= 1;
        assert_false(ledger_prove_record(r->dirfd, seq, leaf, in, &nodes, &e));
        assert_int_equal(e.kind, ERROR_CORRUPT);
    }
    for (size_t a = 0; a < n; a++) {
        for (size_t b = a; b < n; b++) {
            assert_ok(ledger_prove_growth(r->dirfd, &points[a], &points[b], &nodes, &e), e);
        }
    }
    assert_false(ledger_prove_growth(r->dirfd, &points[n - 1], &points[0], &nodes, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    struct checkpoint other = points[0];
    other.root[5] ^= 1;
    assert_false(ledger_prove_growth(r->dirfd, &other, &points[n - 1], &nodes, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    other = points[n - 1];
    other.size += 1000;
    assert_false(ledger_prove_growth(r->dirfd, &points[0], &other, &nodes, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

/* Many at once: heads as they were recorded, and of one record the same nodes as by itself. */
static void prove_many(struct rig *r, const struct checkpoint *in)
{
    OWN(buf) struct buf one = {.max = MERKLE_PROOF_MAX * MERKLE_LEN};
    OWN(buf) struct buf nodes = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);
    struct ledger_proved list[RECORDS];
    struct error e;

    for (unsigned i = 0; i < RECORDS; i++) {
        uint8_t leaf[MERKLE_LEN];
        uint8_t again[MERKLE_LEN];
        leaf_of(r, reader, i, &list[0].seq, leaf);
        assert_ok(ledger_prove_record(r->dirfd, list[0].seq, leaf, in, &one, &e), e);
        assert_ok(ledger_prove_records(r->dirfd, list, 1, in, &nodes, &e), e);
        assert_int_equal(nodes.len, one.len);
        assert_memory_equal(nodes.ptr, one.ptr, one.len);
        ledger_leaf(list[0].seq, list[0].type, list[0].time_ms, list[0].commitment, again);
        assert_memory_equal(again, leaf, sizeof(leaf));
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        list[i].seq = r->acked[i].ref.seq;
    }
    assert_ok(ledger_prove_records(r->dirfd, list, RECORDS, in, &nodes, &e), e);
    assert_true(nodes.len % MERKLE_LEN == 0 && nodes.len < RECORDS * one.len);
    struct checkpoint other = *in;
    other.root[5] ^= 1;
    assert_false(ledger_prove_records(r->dirfd, list, RECORDS, &other, &nodes, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    other.size = list[RECORDS - 1].seq;
    assert_false(ledger_prove_records(r->dirfd, list, RECORDS, &other, &nodes, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

static void records_and_growth_are_proved(void **unused)
{
    (void)unused;
    struct rig r;
    struct checkpoint points[RECORDS / 5];
    size_t n = 0;

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 12000});
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(&r, i));
        if (i % 5 == 4) {
            points[n++] = head_of(&r);
        }
    }
    prove_all(&r, points, n);
    prove_many(&r, &points[n - 1]);
    assert_true(rig_pack(&r) >= 3);
    prove_all(&r, points, n);
    prove_many(&r, &points[n - 1]);
    rig_done(&r);
}

static void a_record_behind_the_checkpoint_is_not_proved(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e;
    uint8_t leaf[MERKLE_LEN] = {0};
    OWN(buf) struct buf nodes = {.max = MERKLE_PROOF_MAX * MERKLE_LEN};

    rig_init(&r);
    struct checkpoint early = head_of(&r);
    assert_true(rig_append(&r, 1));
    assert_false(ledger_prove_record(r.dirfd, early.size, leaf, &early, &nodes, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_growth_are_proved),
        cmocka_unit_test(a_record_behind_the_checkpoint_is_not_proved),
    };
    return cmocka_run_group_tests_name("ledger/prove", tests, NULL, NULL);
}
