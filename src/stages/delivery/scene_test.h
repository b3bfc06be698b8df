/* stages/delivery/scene_test - what the tests of sessions share: certificates, a server that plays a
 * script (tests/scripted), one session with it. For one thread. */
#pragma once

#include "stages/delivery/session.h"
#include "tests/certificates.h"
#include "tests/scripted.h"
#include "tests/test.h"

/* Parts of scripts. A server that says READY pipelines. */
#define GREETED     "> 220 mx.partner.test ESMTP", "< EHLO out.example.test"
#define STARTTLS    GREETED, "> 250-mx.partner.test hello", "> 250 STARTTLS", "< STARTTLS", "> 220 go"
#define SECURED     STARTTLS, "TLS", "< EHLO out.example.test", "> 250-mx.partner.test again"
#define READY       SECURED, "> 250-PIPELINING", "> 250-ENHANCEDSTATUSCODES", "> 250 8BITMIME"
#define GOODBYE     "< QUIT", "> 221 bye"
#define TO_FIRST    "< MAIL FROM:<a@example.test>", "< RCPT TO:<one@partner.test>"
#define TO_ALL      TO_FIRST, "< RCPT TO:<two@partner.test>", "< RCPT TO:<three@partner.test>", "< DATA"
#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})

struct world {
    struct certificate ca;
    struct certificate right; /* for mx.partner.test */
    struct certificate wrong;
    struct tls_client *trust;
    struct session_settings settings;
};

extern struct world world;
extern const struct recipient recipients[3];

/* One server, one session, one arena. */
struct scene {
    struct scripted server;
    struct arena arena;
    struct session *session;
    struct session_failure failure;
    struct recipient_outcome outcomes[3];
    struct session_peer peer;
};

/* cmocka's group fixtures. */
int make_world(void **unused);
int free_world(void **unused);

/* A server context with that certificate; the caller's. */
struct tls_server *server_of(const struct certificate *certificate);

/* Start a server that plays the scripts, one for each connection. */
void scene_start(struct scene *s, const struct certificate *certificate, enum tls_level level,
                 const char *const *first, const char *const *second);

/* Open a session; the test ends when that fails. */
void scene_open(struct scene *s);

/* Try to; it must fail so. */
void scene_fails(struct scene *s, enum delivery_status status, const char *enhanced);

/* Send a small letter with lines of dots. */
enum session_sent scene_send(struct scene *s, size_t n_recipients);

/* End the dialogue, so that what the server got may be looked at. */
void scene_close(struct scene *s);

/* scene_close() when that was not done, then free. */
void scene_end(struct scene *s);

/* A letter of these bytes to so many recipients of the scene. */
struct session_letter letter_of(struct slice bytes, size_t n_recipients);

/* Assert what became of recipient i. */
void outcome_is(const struct scene *s, size_t i, enum delivery_status status, unsigned code,
                const char *enhanced);
