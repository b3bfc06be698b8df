/* The words below are in every archive that was packed with them: they never change. Another dictionary is
 * another text with another digest, beside this one. Nothing in it comes from anybody's mail. */
#include "ledger/dictionary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "host/file.h"
#include "ledger/io.h"

#define DICTIONARY_MAX ((size_t)1 << 20)

/* What is most common stands last: a match that is near costs less. */
/* clang-format off */
static const char words[] =
    "DSN delivered relayed delayed failed action: status: 5.1.1 2.0.0 4.4.1 diagn"
    "ostic-code: smtp; remote-mta: dns;\r\n"
    "250 2.0.0 Ok: queued as 250 2.6.0 Queued mail for delivery 550 5.1.1 User un"
    "known\r\n"
    "text/plain text/html multipart/mixed application/pdf image/png image/jpeg me"
    "ssage/rfc822 us-ascii utf-8 iso-8859-1 windows-1252\r\n"
    "PLAIN LOGIN TLSv1.3 TLSv1.2 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA"
    "256 ECDHE-RSA-AES256-GCM-SHA384\r\n"
    "the default level postern.conf verified encrypted authenticated\r\n"
    "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\"><html><head><"
    "meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-1\"><titl"
    "e></title><style type=\"text/css\"></style></head><body bgcolor=\"#FFFFFF\" text"
    "=\"#000000\" link=\"#0000FF\"><table width=\"100%\" border=\"0\" cellspacing=\"0\" cel"
    "lpadding=\"0\" align=\"center\"><tr><td align=\"center\" valign=\"top\"><p><font fac"
    "e=\"Arial, Helvetica, sans-serif\" size=\"2\" color=\"#000000\"><b></b></font></p>"
    "<a href=\"http://www.</a><img src=\"https://\" width=\"1\" height=\"1\" border=\"0\" "
    "alt=\"\"></td></tr></table><br>&nbsp;</div><div class=\"\" style=\"margin:0;paddi"
    "ng:0;font-family:Arial,sans-serif;font-size:14px;color:#333333;\"><span></spa"
    "n></body></html>\r\n"
    "-----Original Message-----\r\n"
    "On Mon, Tue, Wed, Thu, Fri, Sat, Sun, Jan Feb Mar Apr May Jun Jul Aug Sep Oc"
    "t Nov Dec 2026 at wrote:\r\n"
    "From: Sent: To: Cc: Subject: RE: Re: Fwd:\r\n"
    "> > > > \r\n"
    "please let me know if you have any questions. Thank you for your help. I wou"
    "ld like to know whether there is anything else that you need from us. We wil"
    "l get back to you as soon as possible. Best regards, Kind regards, Regards, "
    "Thanks, Sincerely, Hello Hi Dear the attached invoice and the order number; "
    "the meeting on Monday, Tuesday, Wednesday, Thursday or Friday; which they ha"
    "ve been about because this that with from would could should there their peo"
    "ple some other information company business email address message click here"
    " to unsubscribe from this mailing list. To be removed from our list, reply w"
    "ith remove in the subject. This message and any attachments are confidential"
    " and intended only for the addressee. If you have received it in error, plea"
    "se notify the sender and delete it. \r\n"
    "Mit freundlichen Gr\303\274\303\237en\r\n"
    "Sehr geehrte Damen und Herren,\r\n"
    "Cordialement, Bonjour,\r\n"
    "_______________________________________________\r\n"
    "mailing list\r\n"
    "http://lists.\r\n"
    "--\r\n"
    "This is a multi-part message in MIME format.\r\n"
    "\r\n"
    "--------------\r\n"
    "----=_NextPart_000_\r\n"
    "Content-Type: multipart/mixed; boundary=\"\r\n"
    "Content-Type: multipart/alternative; boundary=\"----=_Part_\r\n"
    "Content-Type: text/html; charset=\"utf-8\"\r\n"
    "Content-Type: text/plain; charset=\"iso-8859-1\"\r\n"
    "Content-Type: text/plain; charset=\"us-ascii\"\r\n"
    "Content-Type: text/plain; charset=UTF-8; format=flowed\r\n"
    "Content-Type: application/octet-stream; name=\"\r\n"
    "Content-Type: application/pdf; name=\"\r\n"
    "Content-Type: image/png; name=\"image001.png\"\r\n"
    "Content-Disposition: attachment; filename=\"\r\n"
    "Content-Disposition: inline\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "Content-Transfer-Encoding: 7bit\r\n"
    "MIME-Version: 1.0\r\n"
    "References: <\r\n"
    "In-Reply-To: <\r\n"
    "Message-ID: <\r\n"
    "Message-Id: <\r\n"
    "Reply-To: \r\n"
    "X-Mailer: Microsoft Outlook 16.0\r\n"
    "X-Priority: 3 (Normal)\r\n"
    "X-MSMail-Priority: Normal\r\n"
    "Precedence: bulk\r\n"
    "List-Id: \r\n"
    "List-Unsubscribe: <mailto:\r\n"
    "List-Help: <mailto:\r\n"
    "List-Archive: <http://\r\n"
    "X-Spam-Status: No\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunder"
    "bird/115.0\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=; s=; t=; h=from:to:"
    "subject:date:message-id:mime-version:content-type; bh=; b=\r\n"
    "Authentication-Results: spf=pass dkim=pass dmarc=pass\r\n"
    "Received: from localhost (localhost [127.0.0.1])\r\n"
    "\tby (8.11.6/8.11.6) with ESMTP id \r\n"
    "\tfor <>; Mon, 1 Jan 2026 00:00:00 +0100 (CET)\r\n"
    "Received: from mail. ([10.0.0.1]) by with SMTP (fetchmail-5.9.0) for (single"
    "-drop);\r\n"
    "Received: from (unknown [192.168.1.1]) by (Postfix) with ESMTPS id\r\n"
    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n"
    "Subject: Re: \r\n"
    "To: \r\n"
    "Cc: \r\n"
    "From: \"\r\n"
    "Date: Mon, 1 Jan 2026 00:00:00 -0000\r\n";

/* clang-format on */

struct slice dictionary_own(void)
{
    return slice_of(words, sizeof(words) - 1);
}

void dictionary_digest(struct slice bytes, uint8_t digest[static DIGEST_LEN])
{
    digest_of(bytes, SLICE_NONE, digest);
}

void dictionary_name(const uint8_t digest[static DIGEST_LEN], char name[static DICTIONARY_NAME_MAX])
{
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
    }
    (void)snprintf(name + 16, DICTIONARY_NAME_MAX - 16, ".dict");
}

bool dictionary_is_name(const char *name)
{
    struct slice s = slice_text(name);

    for (size_t i = 0; i < 16 && i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) {
            return false;
        }
    }
    return s.len == 21 && slice_equal(slice_from(s, 16), SLICE(".dict"));
}

bool dictionary_read(int dirfd, const uint8_t digest[static DIGEST_LEN], struct buf *out,
                     struct error *e)
{
    char name[DICTIONARY_NAME_MAX];
    uint8_t seen[DIGEST_LEN];
    size_t got = 0;
    OWN(fd) int fd = -1;

    dictionary_name(digest, name);
    enum file_found found = file_open(dirfd, name, O_RDONLY, &fd, e);
    if (found != FILE_FOUND) {
        return found == FILE_MISSING
                   ? error_set(e, ERROR_CORRUPT, "%s: the dictionary is missing", name)
                   : false;
    }
    buf_reset(out);
    uint8_t *room = buf_room(out, DICTIONARY_MAX);
    if (!room || !file_read_at(fd, 0, room, DICTIONARY_MAX, &got, e)) {
        return false;
    }
    out->len = got;
    dictionary_digest(buf_slice(out), seen);
    return memcmp(seen, digest, sizeof(seen)) == 0 ||
           error_set(e, ERROR_CORRUPT, "%s: the dictionary is altered", name);
}

static bool write_new(int dirfd, const char *name, const char *name_new, mode_t mode,
                      struct error *e)
{
    struct slice bytes = dictionary_own();
    struct iovec iov = {NULL, bytes.len};

    (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
    if (ledger_io.unlink(dirfd, name_new) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name_new);
    }
    OWN(fd) int fd = ledger_io.create(dirfd, name_new, mode);
    if (fd < 0) {
        return error_errno(e, ERROR_BUSY, "%s: create", name_new);
    }
    if (!ledger_write(fd, &iov, 1, 0, e) || !ledger_sync(fd, e)) {
        return error_add(e, "%s", name_new);
    }
    return (ledger_io.rename(dirfd, name_new, name) == 0 && ledger_io.sync_folder(dirfd) == 0) ||
           error_errno(e, ERROR_BUSY, "%s: rename", name_new);
}

bool dictionary_install(int dirfd, mode_t mode, uint8_t digest[static DIGEST_LEN], struct error *e)
{
    OWN(buf) struct buf there = {.max = DICTIONARY_MAX};
    char name[DICTIONARY_NAME_MAX];
    char name_new[DICTIONARY_NAME_MAX + 4];
    struct error why;

    dictionary_digest(dictionary_own(), digest);
    if (dictionary_read(dirfd, digest, &there, &why)) {
        return true;
    }
    dictionary_name(digest, name);
    (void)snprintf(name_new, sizeof(name_new), "%s.new", name);
    return write_new(dirfd, name, name_new, mode, e);
}
