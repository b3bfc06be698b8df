/* formats/lock/zip - a ZIP archive whose entries are stored, and which may be encrypted under AES-256 as WinZip specified it (AE-2, which 7-Zip, Keka and
 * others open). Our own, because libzip enciphers block by block and copies several times: it takes six times as long. For this
 * module alone. Pure but for random bytes. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include "formats/lock/lock.h"

struct zip_entry {
    const char *name; /* UTF-8; as long as the writer */
    size_t at;        /* of its local header */
    size_t size;      /* of what is stored, with what encryption adds */
    size_t plain;     /* before that */
    uint32_t crc;     /* 0 when encrypted */
    bool encrypted;
};

struct zip_writer {
    struct buf *out;
    struct zip_entry entries[LOCK_FILES_MAX];
    size_t n;
};

/* Add an entry. All have one date, which tells nothing. False when there are too many; what does not fit shows in out->full. */
bool zip_add(struct zip_writer *w, const char *name, struct slice bytes) MUST_CHECK;

/* Add one that a password opens, LOCK_PASSWORD_MAX at most; also false when OpenSSL fails. */
bool zip_add_encrypted(struct zip_writer *w, const char *name, struct slice bytes,
                       struct slice password) MUST_CHECK;

/* Write the directory behind the entries. */
void zip_finish(struct zip_writer *w);
