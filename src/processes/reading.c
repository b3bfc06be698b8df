#include "processes/reading.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/stamp/stamp.h"
#include "host/memfd.h"
#include "host/sandbox_calls.h"
#include "letter/records.h"
#include "processes/reading_keys.h"
#include "processes/reading_openpgp.h"
#include "processes/reading_smime.h"
#include "requests/inspector.h"
#include "requests/metadata.h"
#include "requests/openpgp.h"
#include "requests/recipients.h"
#include "requests/secrets.h"
#include "requests/smime.h"
#include "stages/attachments/attachments.h"
#include "stages/inspection/inspection.h"
#include "stages/metadata/metadata.h"

#define FILES_MAX       32 /* descriptors: channel, letter, terms, and what decoding opens */
#define MEMORY_FILE_MAX ((rlim_t)3 * LETTER_BYTES_MAX) /* a letter that was protected */
#define LIMIT_EVERY     16 /* letters that share one setting of the limit of time, if they are quick */
#define QUICK_MS        50 /* processor time that a quick letter takes at most */

/* Memory that is used again from letter to letter. */
struct reading {
    struct arena arena;
    struct text_list terms;
    struct buf bytes;
    unsigned letters;
    bool slow; /* the last letter was: the next gets all its time */
};

static bool limit(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
    const struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};

    return setrlimit(what, &limit) == 0;
}

/* SIGXCPU ends the process when the next few letters have taken their time. */
static bool limit_letters(struct reading *mine)
{
    struct rusage used;

    if (mine->letters++ % LIMIT_EVERY != 0 && !mine->slow) {
        return true;
    }
    if (getrusage(RUSAGE_SELF, &used) != 0) {
        return false;
    }
    uint64_t until = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + READING_CPU_S;
    return limit(RLIMIT_CPU, until < READING_LIFE_CPU_S ? until : READING_LIFE_CPU_S,
                 READING_LIFE_CPU_S);
}

static bool on_inspect(void *reading, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map letter = {0};
    struct reading *mine = reading;
    const struct inspector_ask *ask = r->ask;
    struct inspector_answer *answer = r->answer;
    int64_t begun_ms = clock_processor_ms();

    if (!limit_letters(mine)) {
        return error_errno(e, ERROR_BUSY, "limit the time");
    }
    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e)) {
        return false;
    }
    arena_reset(&mine->arena);
    text_list_reset(&mine->terms);
    buf_reset(&mine->bytes);
    inspection_read(letter.bytes, ask->shallow, &mine->arena, &answer->findings, &mine->terms);
    mine->slow = clock_processor_ms() - begun_ms > QUICK_MS;
    text_list_write(&mine->terms, &mine->bytes);
    if (mine->bytes.full) {
        return error_set(e, ERROR_LIMIT, "too many words");
    }
    return memfd_from("terms", buf_slice(&mine->bytes), &r->answer_fd, e);
}

static bool on_stamp(void *reading, struct ipc_request *r, struct error *e)
{
    const struct inspector_stamp_ask *ask = r->ask;
    struct inspector_stamp_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map response = {0};
    struct reading *mine = reading;
    struct stamp stamp;

    if (!limit_letters(mine)) {
        return error_errno(e, ERROR_BUSY, "limit the time");
    }
    if (ask->digest.len != STAMP_DIGEST_LEN || ask->sender.len != STAMP_NONCE_LEN) {
        return error_set(e, ERROR_INPUT, "no digest and nonce");
    }
    if (!memfd_map(r->fd, STAMP_RESPONSE_MAX, &response, e) ||
        !stamp_verify(response.bytes, ask->digest.ptr, ask->sender.ptr, ask->trust, r->arena,
                      &stamp, e)) {
        return false;
    }
    *answer = (struct inspector_stamp_answer){(uint64_t)stamp.time_ms, stamp.token};
    return true;
}

/* What other files answer, each within its time. */
#define LIMITED(name, handler)                                                                     \
    static bool name(void *reading, struct ipc_request *r, struct error *e)                        \
    {                                                                                              \
        return (limit_letters(reading) || error_errno(e, ERROR_BUSY, "limit the time")) &&         \
               handler(reading, r, e);                                                             \
    }

LIMITED(on_key, reading_on_key)
LIMITED(on_openpgp_prepare, reading_on_openpgp_prepare)
LIMITED(on_openpgp_seal, reading_on_openpgp_seal)
LIMITED(on_smime_seal, reading_on_smime_seal)
LIMITED(on_smime_judge, reading_on_smime_judge)
LIMITED(on_smime_harvest, reading_on_smime_harvest)

static bool on_protect(void *reading, struct ipc_request *r, struct error *e)
{
    const struct inspector_protect_ask *ask = r->ask;
    struct inspector_protect_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map letter = {0};
    OWN(buf) struct buf protected = {.max = LETTER_BYTES_MAX};
    struct reading *mine = reading;
    const struct attachments_wish wish = {
        .password = ask->password,
        .scrub = ask->scrub,
        .text_stays = ask->text_stays,
        .language = ask->language <= ATTACHMENTS_FRENCH ? (enum attachments_language)ask->language
                                                        : ATTACHMENTS_ENGLISH,
        .cover = ask->cover,
    };

    if (!limit_letters(mine)) {
        return error_errno(e, ERROR_BUSY, "limit the time");
    }
    mine->slow = true; /* rounds over the password: the next gets all its time */
    arena_reset(&mine->arena);
    return memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e) &&
           attachments_protect(letter.bytes, &wish, &mine->arena, &protected, &answer->texts, e) &&
           memfd_from("protected", buf_slice(&protected), &r->answer_fd, e);
}

static bool on_clean(void *reading, struct ipc_request *r, struct error *e)
{
    struct inspector_clean_answer *answer = r->answer;
    OWN(memfd_map) struct memfd_map letter = {0};
    OWN(buf) struct buf cleaned = {.max = 2 * (size_t)LETTER_BYTES_MAX};
    struct reading *mine = reading;
    struct metadata_cleaned made;

    if (!limit_letters(mine)) {
        return error_errno(e, ERROR_BUSY, "limit the time");
    }
    mine->slow = true; /* documents are written anew: the next gets all its time */
    arena_reset(&mine->arena);
    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &letter, e) ||
        !metadata_clean(letter.bytes, &mine->arena, &cleaned, &made, e)) {
        return false;
    }
    *answer = (struct inspector_clean_answer){made.texts, made.left, made.changed};
    return memfd_from("cleaned", made.changed ? buf_slice(&cleaned) : SLICE_NONE, &r->answer_fd, e);
}

static const struct ipc_row rows[] = {
    {&inspector_inspect,         0, on_inspect        },
    {&inspector_stamp,           0, on_stamp          },
    {&inspector_key,             0, on_key            },
    {&inspector_openpgp_prepare, 0, on_openpgp_prepare},
    {&inspector_openpgp_seal,    0, on_openpgp_seal   },
    {&inspector_smime_seal,      0, on_smime_seal     },
    {&inspector_smime_judge,     0, on_smime_judge    },
    {&inspector_protect,         0, on_protect        },
    {&inspector_smime_harvest,   0, on_smime_harvest  },
    {&inspector_clean,           0, on_clean          },
};
static const struct ipc_table table = IPC_TABLE("inspector", rows);

void reading_live(int channel)
{
    struct ipc_server server;
    static struct reading mine;
    struct error e;

    (void)prctl(PR_SET_NAME, "reading");
    if (!limit(RLIMIT_NPROC, 0, 0) || !limit(RLIMIT_NOFILE, FILES_MAX, FILES_MAX) ||
        !limit(RLIMIT_FSIZE, MEMORY_FILE_MAX, MEMORY_FILE_MAX) ||
        (!SANDBOX_SANITIZED && !limit(RLIMIT_AS, READING_MEMORY_MAX, READING_MEMORY_MAX))) {
        log_event(LOG_ERROR, "inspector.unlimited", LOG_TEXT("reason", "a limit cannot be set"));
        return;
    }
    arena_init(&mine.arena, INSPECTION_ARENA_MAX);
    text_list_init(&mine.terms);
    buf_init(&mine.bytes, TEXT_LIST_BYTES_MAX);
    ipc_server_init(&server, &table, &mine);
    if (!ipc_serve(&server, channel, &e)) {
        log_event(LOG_WARNING, "ipc.breach", LOG_TEXT("peer", "inspector"),
                  LOG_TEXT("reason", e.text));
    }
    (void)close(channel);
}
