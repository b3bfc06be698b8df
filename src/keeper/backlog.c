#include "keeper/backlog.h"

#include "keeper/internal.h"

void parcel_list_add(struct parcel_list *l, struct parcel *p)
{
    p->next = NULL;
    if (l->tail) {
        l->tail->next = p;
    } else {
        l->head = p;
    }
    l->tail = p;
    l->count++;
}

struct parcel *parcel_list_take(struct parcel_list *l)
{
    struct parcel *p = l->head;

    if (p) {
        l->head = p->next;
        if (!l->head) {
            l->tail = NULL;
        }
        p->next = NULL;
        l->count--;
    }
    return p;
}

void backlog_add(struct keeper *k, struct parcel *p)
{
    (void)pthread_mutex_lock(&k->backlog.lock);
    parcel_list_add(p->kind == LETTER_IMPORTED ? &k->backlog.imported : &k->backlog.list, p);
    (void)pthread_cond_signal(&k->backlog.changed);
    (void)pthread_mutex_unlock(&k->backlog.lock);
}

size_t backlog_imported(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->backlog.lock);
    size_t count = k->backlog.imported.count;
    (void)pthread_mutex_unlock(&k->backlog.lock);
    return count;
}

void backlog_close(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->backlog.lock);
    k->backlog.closed = true;
    (void)pthread_cond_broadcast(&k->backlog.changed);
    (void)pthread_mutex_unlock(&k->backlog.lock);
}

size_t backlog_take(struct backlog *b, struct parcel *parcels[static BACKLOG_GROUP])
{
    size_t n = 0;

    (void)pthread_mutex_lock(&b->lock);
    while (!b->closed && !b->list.head && !b->imported.head) {
        (void)pthread_cond_wait(&b->changed, &b->lock);
    }
    if (!b->closed && b->list.head) {
        parcels[n++] = parcel_list_take(&b->list);
    }
    while (!b->closed && (n == 0 || parcels[0]->kind == LETTER_IMPORTED) && n < BACKLOG_GROUP &&
           b->imported.head) {
        parcels[n++] = parcel_list_take(&b->imported);
    }
    b->busy += n;
    (void)pthread_mutex_unlock(&b->lock);
    return n;
}

void backlog_done(struct backlog *b, size_t n)
{
    (void)pthread_mutex_lock(&b->lock);
    b->busy -= n;
    (void)pthread_mutex_unlock(&b->lock);
}
