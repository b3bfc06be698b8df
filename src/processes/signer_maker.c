#include "processes/signer_maker.h"

#include "host/thread.h"

static struct {
    pthread_mutex_t turn; /* held by who waits for a key */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked, made;
    struct signer_store *keys;
    const struct signer_new_ask *ask; /* NULL: nobody wants one */
    struct arena *arena;
    struct signer_key *out;
    struct error *e;
    bool done;
} maker = {.turn = PTHREAD_MUTEX_INITIALIZER,
           .lock = PTHREAD_MUTEX_INITIALIZER,
           .asked = PTHREAD_COND_INITIALIZER,
           .made = PTHREAD_COND_INITIALIZER};

static void make(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&maker.lock);
    for (;;) {
        while (!maker.ask) {
            (void)pthread_cond_wait(&maker.asked, &maker.lock);
        }
        maker.done = signer_store_new(maker.keys, maker.ask, maker.arena, maker.out, maker.e);
        maker.ask = NULL;
        (void)pthread_cond_signal(&maker.made);
    }
}

bool signer_maker_start(struct signer_store *keys, struct error *e)
{
    maker.keys = keys;
    return thread_start("maker", THREAD_STACK_LARGE, make, NULL, e);
}

bool signer_maker_new(const struct signer_new_ask *ask, struct arena *arena, struct signer_key *out,
                      struct error *e)
{
    (void)pthread_mutex_lock(&maker.turn);
    (void)pthread_mutex_lock(&maker.lock);
    maker.ask = ask;
    maker.arena = arena;
    maker.out = out;
    maker.e = e;
    (void)pthread_cond_signal(&maker.asked);
    while (maker.ask) {
        (void)pthread_cond_wait(&maker.made, &maker.lock);
    }
    bool done = maker.done;
    (void)pthread_mutex_unlock(&maker.lock);
    (void)pthread_mutex_unlock(&maker.turn);
    return done;
}
