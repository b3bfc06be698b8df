#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/memfd.h"
#include "ipc/ipc.h"
#include "tests/hostile.h"

/* A client that was taken over. First byte: how many descriptors go along and which; the rest is
 * one packet. The server must refuse or answer, and keep no descriptor. */
struct item {
    uint64_t n;
    struct slice text;
};

struct ask {
    uint64_t n;
    struct cbor_list items;
    struct cbor_list texts;
};

static const struct cbor_field item_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct item, n, 0),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct item, text, 100),
};
static const struct cbor_schema item_schema = CBOR_SCHEMA(item_fields, struct item);
static const struct cbor_field ask_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct ask, n, 1000),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct ask, items, UINT64_MAX, &item_schema),
    CBOR_OPTIONAL(3, CBOR_TEXTS, struct ask, texts, UINT64_MAX),
};
static const struct cbor_schema schema = CBOR_SCHEMA(ask_fields, struct ask);

static bool echo(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)ctx;
    (void)e;
    *(struct ask *)r->answer = *(const struct ask *)r->ask;
    return true;
}

static bool nothing(void *ctx, struct ipc_request *r, struct error *e)
{
    (void)ctx;
    return r->fd < 0 || memfd_is_sealed(r->fd) || error_set(e, ERROR_DENIED, "unsealed");
}

static const struct ipc_message echo_message = {1, "echo", &schema, &schema};
static const struct ipc_message letter_message = {2, "letter", .ask_fd = IPC_FD_SEALED};
static const struct ipc_message maybe_message = {3, "maybe", .ask_fd = IPC_FD_SEALED_OPTIONAL,
                                                 .secret = true};
static const struct ipc_row rows[] = {
    {&echo_message,   0, echo   },
    {&letter_message, 5, nothing},
    {&maybe_message,  0, nothing}
};
static const struct ipc_table table = IPC_TABLE("fuzzer", rows);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_hostile(int socket, uint8_t choice, struct slice bytes)
{
    OWN(fd) int sealed = -1;
    struct error e;
    if (!memfd_from("fuzz", slice_from(bytes, IPC_HEADER), &sealed, &e)) {
        abort();
    }
    int fds[3] = {choice & 4 ? sealed : 2, choice & 8 ? sealed : 2, sealed};
    size_t n_fds = choice & 3;
    struct slice packet = choice & 16 ? slice_head(bytes, IPC_HEADER) : bytes;
    (void)hostile_send(socket, packet, fds, n_fds);
}

/* Both are lowest free descriptors: a leak shows as a difference. */
static int lowest_free(void)
{
    int fd = dup(2);
    (void)close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    struct error e;
    struct ipc_server server;
    const struct ipc_message *message = NULL;
    const void *ask = NULL;

    if (size == 0 || !packet_pair(ends, &e)) {
        return 0;
    }
    OWN(fd) int client = ends[0];
    OWN(ipc_channel) struct ipc_channel channel;
    ipc_channel_init(&channel, ends[1]);
    ipc_server_init(&server, &table, NULL);
    int before = lowest_free();
    send_hostile(client, data[0], slice_of(data + 1, size - 1));
    (void)shutdown(client, SHUT_WR);
    if (ipc_peek(&server, &channel, &message, &ask, &e) != IPC_CLOSED) {
        if (ipc_serve_one(&server, &channel, &e) == IPC_SERVED && !message) {
            return 0; /* refused with an answer */
        }
    }
    if (lowest_free() != before) {
        abort();
    }
    return 0;
}
