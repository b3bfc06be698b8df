#include "processes/control.h"

#include <string.h>

#include "keyring/keyring.h"
#include "letter/id.h"
#include "letter/secret.h"

#define KEYS_MAX  CONTROL_KEYS_MAX
#define PATH_SIZE 4096

static const struct cbor_field key_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct control_key, label, CONTROL_NAME_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct control_key, key, KEYRING_KEY_LEN),
};
static const struct cbor_schema key_schema = CBOR_SCHEMA(key_fields, struct control_key);

static const struct cbor_field setup_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct control_setup, config, CONFIG_FILE_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct control_setup, config_name, PATH_SIZE),
    CBOR_FIELD(3, CBOR_BYTES, struct control_setup, data, PATH_SIZE),
    CBOR_OPTIONAL(4, CBOR_UINT, struct control_setup, uid, UINT32_MAX),
    CBOR_OPTIONAL(5, CBOR_UINT, struct control_setup, gid, UINT32_MAX),
    CBOR_OPTIONAL(6, CBOR_UINT, struct control_setup, instance, UINT16_MAX),
    CBOR_SUB_OPTIONAL(7, CBOR_LIST, struct control_setup, keys, KEYS_MAX, &key_schema),
    CBOR_OPTIONAL(8, CBOR_UINT, struct control_setup, generation, UINT32_MAX),
    CBOR_OPTIONAL(9, CBOR_UINT, struct control_setup, kept, UINT8_MAX),
    CBOR_OPTIONAL(10, CBOR_UINT, struct control_setup, since_ms, INT64_MAX),
    CBOR_OPTIONAL(11, CBOR_UINT, struct control_setup, owner, UINT32_MAX),
    CBOR_OPTIONAL(12, CBOR_UINT, struct control_setup, formers, CONTROL_KEYS_MAX),
};
const struct cbor_schema control_setup_schema = CBOR_SCHEMA(setup_fields, struct control_setup);

static const struct cbor_field give_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct control_give, kind, CONTROL_ROOT),
    CBOR_FIELD(2, CBOR_TEXT, struct control_give, name, CONTROL_NAME_MAX),
};
const struct cbor_schema control_give_schema = CBOR_SCHEMA(give_fields, struct control_give);

static const struct cbor_field peer_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct control_peer, role, CONTROL_NAME_MAX),
    CBOR_OPTIONAL(2, CBOR_BOOL, struct control_peer, asks, 0),
};
const struct cbor_schema control_peer_schema = CBOR_SCHEMA(peer_fields, struct control_peer);

static const struct cbor_field reload_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct control_reload, config, CONFIG_FILE_MAX),
};
const struct cbor_schema control_reload_schema = CBOR_SCHEMA(reload_fields, struct control_reload);

static const struct cbor_field alert_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct control_alert, event, CONTROL_NAME_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct control_alert, sentence, CONTROL_SENTENCE_MAX),
};
const struct cbor_schema control_alert_schema = CBOR_SCHEMA(alert_fields, struct control_alert);

/* Bytes: what a process says of itself may be no UTF-8. */
static const struct cbor_field tell_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct control_tell, from, CONTROL_NAME_MAX),
    CBOR_FIELD(2, CBOR_BYTES, struct control_tell, event, CONTROL_NAME_MAX),
    CBOR_FIELD(3, CBOR_BYTES, struct control_tell, sentence, CONTROL_SENTENCE_MAX),
};
const struct cbor_schema control_tell_schema = CBOR_SCHEMA(tell_fields, struct control_tell);

static const struct cbor_field want_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct control_want, number, 0),
    CBOR_FIELD(2, CBOR_UINT, struct control_want, place, UINT8_MAX),
};
const struct cbor_schema control_want_schema = CBOR_SCHEMA(want_fields, struct control_want);

static const struct cbor_field link_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct control_link, number, 0),
    CBOR_OPTIONAL(2, CBOR_UINT, struct control_link, failed, UINT8_MAX),
    CBOR_OPTIONAL(3, CBOR_BYTES, struct control_link, reason, CONTROL_SENTENCE_MAX),
};
const struct cbor_schema control_link_schema = CBOR_SCHEMA(link_fields, struct control_link);

static const struct cbor_field told_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct control_told, event, CONTROL_NAME_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct control_told, way, CONTROL_NAME_MAX),
    CBOR_FIELD(3, CBOR_BYTES, struct control_told, sentence, CONTROL_SENTENCE_MAX),
    CBOR_OPTIONAL(4, CBOR_BOOL, struct control_told, done, 0),
};
const struct cbor_schema control_told_schema = CBOR_SCHEMA(told_fields, struct control_told);

static const struct cbor_field run_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct control_run, number, 0),
    CBOR_FIELD(2, CBOR_TEXT, struct control_run, telephone, TELEPHONE_MAX),
    CBOR_FIELD(3, CBOR_TEXT, struct control_run, password, SECRET_BYTES_MAX),
    CBOR_FIELD(4, CBOR_TEXT, struct control_run, letter, LETTER_ID_TEXT),
};
const struct cbor_schema control_run_schema = CBOR_SCHEMA(run_fields, struct control_run);

static const struct cbor_field ran_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct control_ran, number, 0),
    CBOR_FIELD(2, CBOR_UINT, struct control_ran, told, SECRET_NOT_RUN),
};
const struct cbor_schema control_ran_schema = CBOR_SCHEMA(ran_fields, struct control_ran);

bool control_send(int channel, enum control_verb verb, const struct cbor_schema *schema,
                  const void *value, int fd, struct error *e)
{
    OWN(buf) struct buf body = {.max = IPC_BODY_MAX};
    struct ipc_packet p = {.verb = (uint16_t)verb, .fd = fd};

    if (schema) {
        cbor_write(&body, schema, value);
    }
    p.body = buf_slice(&body);
    bool sent = packet_send(channel, &p, e);
    if (body.len) {
        explicit_bzero(body.ptr, body.len); /* the keys of a SETUP */
    }
    return sent;
}

bool control_read(const struct ipc_packet *p, const struct cbor_schema *schema, struct arena *arena,
                  void *value, struct error *e)
{
    return cbor_read(p->body, schema, arena, value, e);
}
