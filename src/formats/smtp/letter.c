#include <stdio.h>

#include "formats/smtp/internal.h"

static const char too_large[] = "The letter is larger than this server takes: send large files "
                                "another way";

enum smtp_got smtp_server_data(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    if (arg.len) {
        return smtp_server_mistake(s, 501, "5.5.4", "DATA takes no argument");
    }
    out->chunked = s->chunked = false;
    return SMTP_GOT_DATA;
}

/* bdat-cmd = "BDAT" SP chunk-size [ SP "LAST" ] (RFC 3030 section 2). */
static bool parse_chunk(struct smtp_server *s, struct slice arg)
{
    struct slice last;
    struct slice size = slice_cut(arg, ' ', &last);

    if (!slice_decimal(size, UINT64_MAX, &s->chunk_size)) {
        return false;
    }
    s->chunk_left = s->chunk_size;
    s->last_chunk = last.len > 0;
    return !s->last_chunk || slice_equal_nocase(last, SLICE("LAST"));
}

static enum smtp_got chunk_unreadable(struct smtp_server *s)
{
    /* Nobody knows how many octets follow, so none may be read as commands. */
    return smtp_server_give_up(s, 501, "5.5.4", "BDAT needs a number of octets, then maybe LAST");
}

enum smtp_got smtp_server_bdat(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    bool first = s->state == STATE_RCPT;

    if (!parse_chunk(s, arg)) {
        return chunk_unreadable(s);
    }
    if (first) {
        smtp_data_reader_init(&s->reader, false);
        out->chunked = s->chunked = true;
    }
    if (s->chunk_size > s->config->size_max) {
        return smtp_server_give_up(s, 552, "5.3.4", too_large);
    }
    if (s->reader.octets + s->chunk_size > s->config->size_max && s->refusal_code == 0) {
        smtp_server_refuse(s, 552, "5.3.4", slice_text(too_large));
    }
    if (first && s->refusal_code == 0) {
        return SMTP_GOT_DATA;
    }
    smtp_server_enter(s, STATE_CHUNK);
    return SMTP_GOT_NOTHING;
}

enum smtp_got smtp_server_bdat_misplaced(struct smtp_server *s, struct slice arg, int code,
                                         const char *enhanced, const char *text)
{
    if (!parse_chunk(s, arg)) {
        return chunk_unreadable(s);
    }
    if (!s->signed_in || s->chunk_size > s->config->size_max) {
        return smtp_server_give_up(s, code, enhanced, text);
    }
    smtp_server_refuse(s, code, enhanced, slice_text(text));
    s->resume = s->state;
    smtp_server_enter(s, STATE_CHUNK);
    return SMTP_GOT_NOTHING;
}

static void say_refusal(struct smtp_server *s)
{
    smtp_server_say(s, s->refusal_code, s->refusal_status[0] ? s->refusal_status : NULL,
                    slice_text(s->refusal));
    s->refusal_code = 0;
}

static enum smtp_got letter_refused(struct smtp_server *s)
{
    say_refusal(s);
    smtp_server_enter(s, STATE_READY);
    return SMTP_GOT_RESET;
}

/* What stands in the way of the end mark is never read past: another server could have seen an end
 * there and commands behind it (RFC 5321 section 4.1.1.4). */
static enum smtp_got letter_broken(struct smtp_server *s, enum smtp_data_result why)
{
    return smtp_server_give_up(s, 554, "5.6.0",
                               why == SMTP_DATA_NUL
                                   ? "The letter holds a NUL byte, which mail cannot carry"
                                   : "The letter has a line that does not end with CR LF: the "
                                     "program that sends it is faulty");
}

static enum smtp_got letter_octets(struct smtp_server *s, struct slice run,
                                   struct smtp_request *out)
{
    if (s->refusal_code == 0 && s->reader.octets > s->config->size_max) {
        smtp_server_refuse(s, 552, "5.3.4", slice_text(too_large));
    }
    if (s->refusal_code == 0 && s->config->line_max && s->reader.longest > s->config->line_max) {
        smtp_server_refuse(s, 554, "5.6.0", SLICE("The letter has a line that is too long"));
    }
    if (s->refusal_code == 0) {
        out->body = run;
        return SMTP_GOT_BODY;
    }
    if (s->reader.octets / 2 > s->config->size_max) {
        say_refusal(s); /* as much again was waited for: it may go on for ever */
        smtp_server_enter(s, STATE_CLOSED);
    }
    return SMTP_GOT_NOTHING;
}

static enum smtp_got read_letter(struct smtp_server *s, struct slice *in, struct smtp_request *out)
{
    struct slice run = SLICE_NONE;
    enum smtp_data_result result = smtp_data_read(&s->reader, in, &run);

    if (result == SMTP_DATA_MORE) {
        return SMTP_GOT_NOTHING;
    }
    if (result == SMTP_DATA_RUN) {
        return letter_octets(s, run, out);
    }
    if (result != SMTP_DATA_END) {
        return letter_broken(s, result);
    }
    return s->refusal_code ? letter_refused(s) : SMTP_GOT_LETTER;
}

static enum smtp_got chunk_done(struct smtp_server *s)
{
    char text[48];

    if (s->resume) {
        say_refusal(s);
        smtp_server_enter(s, s->resume);
        s->resume = 0;
        return SMTP_GOT_NOTHING;
    }
    if (s->refusal_code) {
        return letter_refused(s);
    }
    if (s->last_chunk) {
        enum smtp_data_result result = smtp_data_finish(&s->reader);
        return result == SMTP_DATA_END ? SMTP_GOT_LETTER : letter_broken(s, result);
    }
    (void)snprintf(text, sizeof(text), "%llu octets received", (unsigned long long)s->chunk_size);
    smtp_server_say(s, 250, "2.0.0", slice_text(text));
    smtp_server_enter(s, STATE_CHUNKS);
    return SMTP_GOT_NOTHING;
}

static enum smtp_got read_chunk(struct smtp_server *s, struct slice *in, struct smtp_request *out)
{
    struct slice part = slice_head(*in, s->chunk_left < in->len ? s->chunk_left : in->len);
    size_t offered = part.len;
    enum smtp_got got = SMTP_GOT_NOTHING;

    if (s->refusal_code) {
        part = slice_from(part, part.len);
    } else if (part.len) {
        got = read_letter(s, &part, out);
    }
    *in = slice_from(*in, offered - part.len);
    s->chunk_left -= offered - part.len;
    if (got == SMTP_GOT_NOTHING && s->chunk_left == 0 && s->state == STATE_CHUNK) {
        return chunk_done(s);
    }
    return got;
}

enum smtp_got smtp_server_octets(struct smtp_server *s, struct slice *in, struct smtp_request *out)
{
    return s->state == STATE_DATA ? read_letter(s, in, out) : read_chunk(s, in, out);
}
