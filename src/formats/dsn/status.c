#include "formats/dsn/internal.h"

struct sentence {
    const char *tail; /* of the status, behind the class */
    const char *text;
};

/* RFC 3463 section 3, RFC 7372, RFC 7505, RFC 8689 and the registry they opened. */
static const struct sentence sentences[] = {
    {".1.1",  "There is no such mailbox at the recipient's domain."                       },
    {".1.2",  "The recipient's domain cannot receive mail; is it spelt right?"            },
    {".1.3",  "The recipient's address is not written correctly."                         },
    {".1.4",  "The recipient's address is ambiguous."                                     },
    {".1.6",  "The recipient has moved and left no new address."                          },
    {".1.7",  "The receiving server does not accept the sender's address."                },
    {".1.8",  "The receiving server does not accept the sender's address."                },
    {".1.10", "The recipient's domain declares that it receives no mail."                 },
    {".2.0",  "The recipient's mailbox cannot take the letter."                           },
    {".2.1",  "The recipient's mailbox is disabled."                                      },
    {".2.2",  "The recipient's mailbox is full."                                          },
    {".2.3",  "The letter is larger than the recipient may receive."                      },
    {".3.1",  "The receiving server has no room left."                                    },
    {".3.2",  "The receiving server accepts no mail at present."                          },
    {".3.4",  "The letter is larger than the receiving server takes."                     },
    {".4.1",  "The receiving server did not answer."                                      },
    {".4.2",  "The connection to the receiving server broke."                             },
    {".4.3",  "The servers of the recipient's domain could not be looked up."             },
    {".4.4",  "No way to the recipient's domain was found."                               },
    {".4.5",  "The receiving server is overloaded."                                       },
    {".4.6",  "The letter went in circles between servers."                               },
    {".4.7",  "The letter could not be delivered in the time allowed."                    },
    {".5.3",  "The letter has more recipients than the receiving server takes at once."   },
    {".6.1",  "The receiving server does not take this kind of content."                  },
    {".6.3",  "The receiving server does not take the letter's characters."               },
    {".6.7",  "The receiving server takes no addresses with characters beyond ASCII."     },
    {".7.1",  "The receiving server does not allow this letter."                          },
    {".7.4",  "The receiving server cannot protect the letter as it must be protected."   },
    {".7.20", "The receiving server found no valid signature."                            },
    {".7.23", "The receiving server says that we may not send for the sender's domain."   },
    {".7.26", "The receiving server could not make sure that the sender is genuine."      },
    {".7.27", "The sender's domain declares that it receives no mail."                    },
    {".7.30", "The receiving server does not promise to keep the letter encrypted."       },
    {".1.",   "Something is wrong with the recipient's or the sender's address."          },
    {".2.",   "The recipient's mailbox cannot take the letter."                           },
    {".3.",   "The receiving server cannot take the letter."                              },
    {".4.",   "There is trouble on the network or on the way to the receiving server."    },
    {".5.",   "The two servers did not understand each other."                            },
    {".6.",   "The receiving server cannot take what the letter contains."                },
    {".7.",   "The receiving server refuses the letter for reasons of security or policy."},
};

const char *dsn_status_sentence(struct slice status)
{
    struct slice tail = slice_from(status, 1);

    if (status.len && status.ptr[0] == '2') {
        return "The receiving server took the letter.";
    }
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        struct slice known = slice_text(sentences[i].tail);
        bool whole = known.len && known.ptr[known.len - 1] != '.';
        if (whole ? slice_equal(tail, known) : slice_starts(tail, known)) {
            return sentences[i].text;
        }
    }
    return status.len && status.ptr[0] == '4'
               ? "The receiving server could not take the letter yet."
               : "The receiving server did not take the letter.";
}

/* RFC 3463 section 2: class 2, 4 or 5, subject and detail of at most three digits. */
static bool is_status(struct slice s)
{
    struct slice rest = s;
    struct slice klass = slice_cut(rest, '.', &rest);
    struct slice subject = slice_cut(rest, '.', &rest);
    uint64_t number = 0;

    return klass.len == 1 && memchr("245", klass.ptr[0], 3) && subject.len <= 3 && rest.len <= 3 &&
           slice_decimal(subject, 999, &number) && slice_decimal(rest, 999, &number);
}

struct slice dsn_status(const struct dsn_recipient *r)
{
    if (is_status(r->status)) {
        return r->status;
    }
    return r->action == DSN_FAILED    ? SLICE("5.0.0")
           : r->action == DSN_DELAYED ? SLICE("4.0.0")
                                      : SLICE("2.0.0");
}

enum dsn_action dsn_gravest(const struct dsn_report *report)
{
    enum dsn_action gravest = DSN_DELIVERED; /* they are listed from the gravest on */

    for (size_t i = 0; i < report->n_recipients; i++) {
        if (report->recipients[i].action < gravest) {
            gravest = report->recipients[i].action;
        }
    }
    return gravest;
}
