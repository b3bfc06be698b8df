#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "formats/text/terms.h"
#include "host/memfd.h"
#include "ipc/pool.h"
#include "keeper/internal.h"
#include "requests/inspector.h"

/* An inspector that was taken over answers the keeper. First byte: the answer's status; two bytes:
 * length of the body; body; the rest is the file of terms. Whatever comes, the keeper either
 * refuses it or has findings that it can record, and terms that it can walk to their end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 3

static void record(struct inspector_answer *answer)
{
    static const uint8_t id[LETTER_ID_LEN] = {1};
    OWN(buf) struct buf record = {.max = KEEPER_FINDINGS_MAX};
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct findings again;
    struct error e;

    answer->findings.id = slice_of(id, sizeof(id));
    cbor_write(&record, &findings_schema, &answer->findings);
    if (record.full || !cbor_read(buf_slice(&record), &findings_schema, &arena, &again, &e) ||
        again.parts.count != answer->findings.parts.count) {
        abort();
    }
}

static void walk(int fd)
{
    OWN(memfd_map) struct memfd_map map = {0};
    struct text_terms terms;
    struct text_term term;
    size_t count = 0;
    struct error e;

    if (!memfd_map(fd, TEXT_LIST_BYTES_MAX, &map, &e) || !text_terms_read(map.bytes, &terms, &e)) {
        return;
    }
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        struct slice rest = terms.fields[i];
        while (text_terms_next(&rest, &term)) {
            count++;
        }
        if (rest.len) {
            abort();
        }
    }
    if (count != terms.count || count > TEXT_TERMS_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t tag[INSPECTOR_SENDER_LEN] = {1};
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    OWN(ipc_pool) struct ipc_pool *pool = ipc_pool_new("inspector");
    OWN(fd) int terms = -1;
    OWN(fd) int got = -1;
    const struct inspector_ask ask = {.sender = slice_of(tag, sizeof(tag))};
    struct inspector_answer answer;
    int ends[2];
    struct error e;

    if (size < HEAD || !packet_pair(ends, &e)) {
        return 0;
    }
    OWN(fd) int inspector = ends[1];
    ipc_pool_add(pool, ends[0]);
    struct slice rest = slice_of(data + HEAD, size - HEAD);
    struct slice body = slice_head(rest, (size_t)data[1] << 8 | data[2]);
    if (!memfd_from("terms", slice_from(rest, body.len), &terms, &e)) {
        abort();
    }
    const struct ipc_packet packet = {inspector_inspect.id, data[0], body, terms};
    if (!packet_send(inspector, &packet, &e)) {
        return 0;
    }
    (void)shutdown(inspector, SHUT_WR);
    if (ipc_call(pool, &inspector_inspect, &ask, terms, &answer, &got, &arena, 1000, &e)) {
        record(&answer);
        walk(got);
    } else if (e.kind == ERROR_NONE) {
        abort();
    }
    return 0;
}
