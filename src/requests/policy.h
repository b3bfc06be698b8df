/* requests/policy - what the policy in force says, over the control socket of the keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"

/* policy_test: how a letter would be decided, which comes along as a sealed memfd with CRLF line ends. Nothing of it is kept. */
struct policy_test_ask {
    struct slice from;           /* account and reverse-path */
    struct cbor_list recipients; /* texts */
    struct slice reason;
};

struct policy_test_answer {
    struct decision decision;
    struct slice subject; /* as it would leave, decoded */
    bool no_account;      /* nobody here is called as who sends it */
};

extern const struct ipc_message policy_test;

/* policy_show: the policy in force, and its record. */
struct policy_show_answer {
    uint64_t version; /* 0: there never was one */
    uint64_t since;
    struct slice digest;
    struct slice text; /* empty: there is none */
};

extern const struct ipc_message policy_show;
