#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/memfd.h"
#include "ipc/pool.h"
#include "tests/hostile.h"

/* A server that was taken over. First byte: which message was asked, how many descriptors go
 * along with the answer; the rest is the answer, sent before the question comes. */
struct item {
    uint64_t n;
    struct slice text;
};

struct answer {
    uint64_t n;
    struct cbor_list items;
};

static const struct cbor_field item_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct item, n, 0),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct item, text, 100),
};
static const struct cbor_schema item_schema = CBOR_SCHEMA(item_fields, struct item);
static const struct cbor_field answer_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct answer, n, 1000),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct answer, items, UINT64_MAX, &item_schema),
};
static const struct cbor_schema schema = CBOR_SCHEMA(answer_fields, struct answer);

static const struct ipc_message messages[] = {
    {1,        "struct", NULL,    &schema                            },
    { 2,  "file",     NULL, &schema,          .answer_fd = IPC_FD_SEALED},
    { 3, "maybe",     NULL,    NULL, .answer_fd = IPC_FD_SEALED_OPTIONAL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer_hostile(int socket, uint8_t choice, struct slice bytes)
{
    OWN(fd) int sealed = -1;
    struct error e;
    if (!memfd_from("fuzz", slice_from(bytes, IPC_HEADER), &sealed, &e)) {
        abort();
    }
    int fds[3] = {choice & 4 ? sealed : 2, sealed, 2};
    size_t n_fds = choice & 3;
    struct slice packet = choice & 8 ? slice_head(bytes, IPC_HEADER) : bytes;
    (void)hostile_send(socket, packet, fds, n_fds);
}

static int lowest_free(void)
{
    int fd = dup(2);
    (void)close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct answer answer;
    int answer_fd = -1;
    int ends[2];
    struct error e;

    if (size == 0 || !packet_pair(ends, &e)) {
        return 0;
    }
    OWN(ipc_pool) struct ipc_pool *pool = ipc_pool_new("fuzzer");
    OWN(fd) int server = ends[1];
    ipc_pool_add(pool, ends[0]);
    const struct ipc_message *m = &messages[(data[0] >> 4) % 3];
    answer_hostile(server, data[0], slice_of(data + 1, size - 1));
    (void)shutdown(server, SHUT_WR);
    int before = lowest_free();
    bool ok = ipc_call(pool, m, NULL, -1, &answer, &answer_fd, &arena, 1000, &e);
    if (ok ? (m->answer_fd == IPC_FD_SEALED && !memfd_is_sealed(answer_fd)) : !e.kind) {
        abort();
    }
    own_fd(&answer_fd);
    if (ipc_pool_size(pool) && lowest_free() != before) {
        abort();
    }
    return 0;
}
