#include "stages/attachments/internal.h"

/* A paragraph each. The archive is named where there is one. */
struct cover {
    const char *begin;
    const char *text;    /* the letter's own text is in the archive */
    const char *archive; /* there is one */
    const char *files;   /* documents ask for the password themselves */
    const char *password;
};

static const struct cover covers[] = {
    [ATTACHMENTS_ENGLISH] =
        {
                               .begin = "This message is protected with a password.",
                               .text = "Its text is in the attachment secure.zip.",
                               .archive = "Open secure.zip with 7-Zip (Windows), Keka (macOS) or 7z (Linux); Windows "
                       "Explorer alone does not open it. In it is a second archive, "
                       "documents.zip, which holds the files.",                                                                                                                     .files = "Office and PDF documents ask for the password when you open them.",
                               .password = "The password is the one that you and the sender agreed on, or one that "
                        "the sender tells you by telephone or in another way. It never comes by "
                        "e-mail.", },
    [ATTACHMENTS_GERMAN] =
        {
                               .begin = "Diese Nachricht ist mit einem Passwort gesch\xc3\xbctzt.",
                               .text = "Ihr Text liegt im Anhang secure.zip.",
                               .archive = "\xc3\x96"
                       "ffnen Sie secure.zip mit 7-Zip (Windows), Keka (macOS) oder 7z (Linux); "
                       "der Windows-Explorer allein \xc3\xb6"
                       "ffnet es nicht. Darin liegt ein zweites "
                       "Archiv, documents.zip, mit den Dateien.",                                                                                 .files = "Office- und PDF-Dokumente fragen beim \xc3\x96"
                     "ffnen nach dem Passwort.",                                                                                                                                                                                    .password = "Das Passwort haben Sie mit dem Absender vereinbart, oder er nennt es "
                        "Ihnen am Telefon oder auf einem anderen Weg. Es kommt nie per E-Mail.", },
    [ATTACHMENTS_FRENCH] =
        {
                               .begin = "Ce message est prot\xc3\xa9g\xc3\xa9 par un mot de passe.",
                               .text = "Son texte se trouve dans la pi\xc3\xa8"
                    "ce jointe secure.zip.", .archive =
                "Ouvrez secure.zip avec 7-Zip (Windows), Keka (macOS) ou 7z (Linux) ; "
                "l\xe2\x80\x99"
                "Explorateur Windows seul ne l\xe2\x80\x99ouvre pas. Il contient une seconde "
                "archive, documents.zip, avec les fichiers.", .files = "Les documents Office et PDF demandent le mot de passe \xc3\xa0 "
                     "l\xe2\x80\x99ouverture.",                                                                              .password = "Le mot de passe est celui convenu avec l\xe2\x80\x99"
                        "exp\xc3\xa9"
                        "diteur, ou l\xe2\x80\x99"
                        "exp\xc3\xa9"
                        "diteur vous "
                        "le communique par t\xc3\xa9l\xc3\xa9phone ou par un autre moyen. Il ne "
                        "vient jamais par "
                        "courriel.", },
};

static void add_escaped(struct buf *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<':
            buf_add_text(b, "&lt;");
            break;
        case '>':
            buf_add_text(b, "&gt;");
            break;
        case '&':
            buf_add_text(b, "&amp;");
            break;
        default:
            buf_add_byte(b, text.ptr[i]);
        }
    }
}

static void add_paragraph(struct buf *b, bool html, struct slice text)
{
    buf_add_text(b, html ? "<p>" : "");
    if (html) {
        add_escaped(b, text);
    } else {
        buf_add(b, text);
    }
    buf_add_text(b, html ? "</p>\r\n" : "\r\n\r\n");
}

void cover_add(const struct work *w, bool html, struct buf *text)
{
    const struct cover *c = &covers[w->wish->language];

    buf_add_text(text,
                 html ? "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head><body>\r\n"
                      : "");
    if (w->wish->cover.len) {
        add_paragraph(text, html, w->wish->cover);
    } else {
        add_paragraph(text, html, slice_text(c->begin));
        if (!w->wish->text_stays) {
            add_paragraph(text, html, slice_text(c->text));
        }
        if (w->n_entries) {
            add_paragraph(text, html, slice_text(c->archive));
        }
        add_paragraph(text, html, slice_text(c->files));
        add_paragraph(text, html, slice_text(c->password));
    }
    buf_add_text(text, html ? "</body></html>\r\n" : "");
}
