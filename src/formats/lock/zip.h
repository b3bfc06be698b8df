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
    size_t begins;    /* where the archive does in out */
    size_t sealed_at; /* where the entry's bytes begin that is being written, salt first */
    struct zip_entry entries[LOCK_FILES_MAX];
    size_t n;
};

/* What an entry of so many bytes takes at most, its place in the directory included. */
size_t zip_room(size_t bytes);

/* Add an entry. All have one date, which tells nothing. False when there are too many; what does not fit shows in out->full. */
bool zip_add(struct zip_writer *w, const char *name, struct slice bytes) MUST_CHECK;

/* Begin one that a password opens: what is appended to out until zip_seal() are its bytes, which are enciphered where they stand. */
bool zip_begin_encrypted(struct zip_writer *w, const char *name) MUST_CHECK;

/* End it, under a password of LOCK_PASSWORD_MAX bytes at most. False when OpenSSL fails or out is full: it may hold plain bytes then. */
bool zip_seal(struct zip_writer *w, struct slice password) MUST_CHECK;

/* Write the directory behind the entries. */
void zip_finish(struct zip_writer *w);
