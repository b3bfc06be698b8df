/* formats/smtp/internal - what the files of the server's half share. */
#pragma once

#include "formats/smtp/server.h"

/* Where a dialogue can stand; see the table in server.c. */
enum state {
    STATE_FRESH = 1 << 0,    /* greeted, or TLS was just made: no EHLO yet */
    STATE_HELLO = 1 << 1,    /* EHLO done, not signed in */
    STATE_USER = 1 << 2,     /* AUTH LOGIN waits for the user's name */
    STATE_PASSWORD = 1 << 3, /* AUTH LOGIN waits for the password */
    STATE_PLAIN = 1 << 4,    /* AUTH PLAIN waits for its one response */
    STATE_READY = 1 << 5,    /* signed in, no transaction */
    STATE_MAIL = 1 << 6,     /* a sender, no recipient */
    STATE_RCPT = 1 << 7,     /* at least one recipient */
    STATE_DATA = 1 << 8,     /* octets follow until the end mark */
    STATE_CHUNK = 1 << 9,    /* octets follow, chunk_left of them */
    STATE_CHUNKS = 1 << 10,  /* between two chunks of a letter */
    STATE_TLS = 1 << 11,     /* 220 said to STARTTLS */
    STATE_CLOSED = 1 << 12,  /* the last reply was said */
    STATE_BEGIN = 1 << 13,   /* AUTH without its first message, which comes on a line of its own */
    STATE_SASL = 1 << 14,    /* AUTH waits for the answer to a challenge of the caller's */
};

/* Change the state: the one place that does. */
void smtp_server_enter(struct smtp_server *s, enum state next);

/* Append a reply to the output; the enhanced code is NULL where there is none. */
void smtp_server_say(struct smtp_server *s, int code, const char *enhanced, struct slice text);

/* Answer a command that the caller never sees because the client made a mistake, count it, and
 * end the dialogue when that happened too often. Always SMTP_GOT_NOTHING. */
enum smtp_got smtp_server_mistake(struct smtp_server *s, int code, const char *enhanced,
                                  const char *text);

/* Say a last reply to what is no dialogue any more. Always SMTP_GOT_NOTHING. */
enum smtp_got smtp_server_give_up(struct smtp_server *s, int code, const char *enhanced,
                                  const char *text);

/* Remember what to say behind the octets that are discarded from here on. */
void smtp_server_refuse(struct smtp_server *s, int code, const char *enhanced, struct slice text);

/* One whole line without its CRLF: a command, or a response to a challenge (commands.c). */
enum smtp_got smtp_server_line(struct smtp_server *s, struct slice line, struct smtp_request *out);

/* The reply to EHLO. */
void smtp_server_say_features(struct smtp_server *s);

/* AUTH and the lines that follow it (auth.c). */
enum smtp_got smtp_server_auth(struct smtp_server *s, struct slice arg, struct smtp_request *out);
enum smtp_got smtp_server_auth_line(struct smtp_server *s, struct slice line,
                                    struct smtp_request *out);

/* MAIL and RCPT with their parameters (envelope.c). */
enum smtp_got smtp_server_mail(struct smtp_server *s, struct slice arg, struct smtp_request *out);
enum smtp_got smtp_server_rcpt(struct smtp_server *s, struct slice arg, struct smtp_request *out);

/* The letter's octets (letter.c). */
enum smtp_got smtp_server_data(struct smtp_server *s, struct slice arg, struct smtp_request *out);
enum smtp_got smtp_server_bdat(struct smtp_server *s, struct slice arg, struct smtp_request *out);
enum smtp_got smtp_server_octets(struct smtp_server *s, struct slice *in, struct smtp_request *out);

/* A BDAT that may not be: its octets, which are on their way, must not be read as commands. */
enum smtp_got smtp_server_bdat_misplaced(struct smtp_server *s, struct slice arg, int code,
                                         const char *enhanced, const char *text);
