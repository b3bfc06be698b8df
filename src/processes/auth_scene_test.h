/* processes/auth_scene_test - the auth process between a keeper that knows Anna and a submission, for its unit tests. */
#pragma once

#include <string.h>

#include "letter/records.h"
#include "processes/auth_login.h"
#include "requests/keeper.h"
#include "tests/test.h"

#define ANNA             SLICE("anna@example.test")
#define BERT             SLICE("bert@example.test")
#define RIGHT            SLICE("correct horse battery staple")
#define WRONG            SLICE("correct horse battery stapler")
#define OTHER            SLICE("velvet hinge marmalade goose")
#define OFFICE           SLICE("192.0.2.7")
#define CAFE             SLICE("198.51.100.9")
#define MINUTE           INT64_C(60000)
#define WITHIN           20000
#define SCENE_GENERATION 7

struct scene {
    struct secret *seal;
    struct auth *auth;
    struct ipc_pool *keeper;     /* asked by auth */
    struct ipc_pool *submission; /* asks auth as submission does */
    struct ipc_pool *admin;      /* asks auth as the keeper does */
    struct ipc_pool *directory;  /* asked by auth */
    uint64_t
        directory_says; /* enum directory_verdict, of Anna; she is the directory's unless it is 0 */
    int directory_asked;
    unsigned directory_us; /* it takes so long */
    bool directory_knew;   /* it was asked for somebody */
    struct slice verifier;
    bool disabled;
    struct sign_in last_failure;
    char last_reason[128];
    bool last_had_account;
    int failures;
    int sessions;
    struct keeper_app app;     /* of hers; none without an id */
    char last_app[16];         /* by which a session was opened */
    int completed;             /* verifiers that came with a right password */
    bool old;                  /* passwords are set as before there was SCRAM */
    int recording_us;          /* how long a failure takes to record */
    bool unlike;               /* the keeper has no account that strangers are like */
    char last_mechanism[40];   /* likewise */
    uint64_t last_counter;     /* that a passkey showed */
    struct auth_second second; /* of hers */
    struct slice anchors;      /* of device-ca */
    _Atomic unsigned anchors_asked;
};

extern struct scene scene;
extern struct settings scene_settings;

/* Set the scene up and take it down; both return 0. */
int scene_begin(void **unused);
int scene_finish(void **unused);

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_finish)

/* Set Anna's password. */
void scene_password(struct slice password);

/* Sign in by PLAIN; the verdict. */
uint64_t scene_sign_in(struct slice user, struct slice password, struct slice from,
                       uint64_t *delay_ms);
