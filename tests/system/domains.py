"""The domains of test_delivery.py: how each one's server behaves, and what is said of it."""
from company import CA

# Postfix's options for a server that refuses at one step: (options, what becomes of the letter).
REFUSALS = {
    "greeting5": (["smtpd_delay_reject = no", "smtpd_client_restrictions = check_client_access "
                   "static:{554 5.7.1 not from you}"],
                  r"FAILED \(554 5\.7\.1\) .*Client host rejected: not from you$"),
    "greeting4": (["smtpd_delay_reject = no", "smtpd_client_restrictions = check_client_access "
                   "static:{421 4.3.2 no time}"],
                  r"deferred \(421 4\.3\.2\) .*Client host rejected: no time$"),
    "mail5": (["smtpd_delay_reject = no", "smtpd_sender_restrictions = check_sender_access "
               "static:{550 5.1.8 not her}"],
              r"FAILED \(550 5\.1\.8\) <ann@example\.test>: Sender address rejected: not her$"),
    "mail4": (["smtpd_delay_reject = no", "smtpd_sender_restrictions = check_sender_access "
               "static:{450 4.1.8 not now}"],
              r"deferred \(450 4\.1\.8\) .*Sender address rejected: not now$"),
    "data5": (["smtpd_data_restrictions = check_client_access static:{554 5.7.0 no data}"],
              r"FAILED \(554 5\.7\.0\) .* rejected: no data$"),
    "data4": (["smtpd_data_restrictions = check_client_access static:{450 4.7.0 not yet}"],
              r"deferred \(450 4\.7\.0\) .* rejected: not yet$"),
    "dot5": (["smtpd_end_of_data_restrictions = check_client_access static:{554 5.6.0 ugly}"],
             r"FAILED \(554 5\.6\.0\) .* rejected: ugly$"),
    "dot4": (["smtpd_end_of_data_restrictions = check_client_access static:{452 4.3.1 full}"],
             r"deferred \(452 4\.3\.1\) .* rejected: full$"),
}

# What a server says that is no reply, and what is said of it.
ODDITIES = {
    "garbage": "the server sent a line that is no SMTP reply",
    "lf": "the server sent a line that does not end in CRLF alone",
    "giant": "the server sent a line longer than 2000 octets",
    "many": "the server's reply has too many lines",
    "endless": "the server's reply has too many lines",
}
ODD_PHASES = ["greeting", "ehlo", "mail", "dot"]
DROP_PHASES = ["greeting", "ehlo", "starttls", "handshake", "mail", "rcpt", "data", "dot"]

HANG_PHASES = ["greeting", "ehlo", "starttls", "handshake", "mail", "rcpt", "data", "dot"]
HANG_WORDS = {"hang-handshake.test": "TLS handshake: not done in time",
              "hang-data.test": "within the letter: write: the peer takes nothing",
              "deaf.test": "the server could not be reached: connect to "}

TARPITS = ["tar-one", "tar-two", "tar-three"]

# Certificates that do not prove the server's name, and the verdict about each.
CERTIFICATES = {"other-name": "name-mismatch", "over": "expired", "stranger": "untrusted"}

# What the settings of the patient demand of these domains, instead of encrypted.
LEVELS = {"plain.test": "cleartext", "plain-verified.test": "verified",
          "broken-clear.test": "cleartext", "fallen-clear.test": "cleartext",
          "ancient.test": "cleartext",
          **{f"{name}-verified.test": "verified" for name in CERTIFICATES}}


def declare(town):
    """Whom letters go to."""
    town.real("partner")
    town.real("busy", "smtpd_end_of_data_restrictions = sleep 1")
    town.real("idle", "smtpd_timeout = 1s")
    town.real("older", "smtpd_tls_protocols = TLSv1.2")
    town.real("crowded", "smtpd_recipient_limit = 10")
    town.odd("short", "letters=2")
    town.odd("curt", "bye")
    town.odd("ancient", "refuse-ehlo")
    for name, (options, _) in REFUSALS.items():
        town.real(name, *options)
    for phase in ODD_PHASES:
        for word in ODDITIES:
            town.odd(f"{word}-{phase}", f"{word}-{phase}")
    for phase in DROP_PHASES:
        town.odd(f"drop-{phase}", f"drop-{phase}")
    declare_protection(town)
    declare_trouble(town)
    declare_names(town)
    declare_abilities(town)


def declare_protection(town):
    """How well servers protect what they are sent."""
    town.strange = {
        "other-name": town.authority.issue("mx.elsewhere.test"),
        "over": town.authority.issue("mx.over.test", days=-1),
        "stranger": CA(town.folder / "foreign", "Another").issue("mx.stranger.test"),
    }
    for name, (certificate, key) in town.strange.items():
        town.real(name, f"smtpd_tls_chain_files = {key}, {certificate}",
                  aliases=[f"{name}-verified"])
    town.real("plain", "smtpd_tls_security_level = none",
              aliases=["plain-encrypted", "plain-verified"])
    town.odd("broken", "broken-tls", aliases=["broken-clear"])
    town.odd("inject", "inject-starttls")
    for name in ("fallen", "fallen-clear", "refused", "lapsed", "breaks"):
        town.odd(name, "close")
    town.real("provider", "smtpd_tls_security_level = encrypt", "smtpd_sasl_auth_enable = yes",
              "smtpd_recipient_restrictions = permit_sasl_authenticated, reject",
              "smtpd_relay_restrictions = permit_sasl_authenticated, reject")


def declare_trouble(town):
    """Servers that become better, or never do."""
    for phase in HANG_PHASES:
        town.odd(f"hang-{phase}", f"hang-{phase}")
    town.odd("unready", "later-mail")
    town.odd("never", "later-dot")
    for name in ("healed", "unwanted"):
        town.odd(name, "later-data")
    for name in TARPITS:
        town.odd(name, "hang-mail", aliases=("tar-shared",) if name == "tar-one" else ())


def declare_names(town):
    """What the DNS may say about a domain."""
    nobody, taker, second = town.address(), town.address_of("taker"), town.address_of("second")
    town.records(
        f"mx.nobody A {nobody}",
        "nothing MX 0 .", "preferred MX 20 mx.second", "preferred MX 10 mx.taker",
        "next MX 10 mx.nobody", "next MX 20 mx.taker",
        "rude-first MX 10 mx.greeting5", "rude-first MX 20 mx.taker",
        f"mx.two A {nobody}", f"mx.two A {taker}", "two-addresses MX 10 mx.two",
        "mx.six AAAA 2001:db8::25", f"mx.six A {taker}", "six MX 10 mx.six",
        f"implicit A {taker}", 'textual TXT "no address"', "missing MX 10 mx.missing",
        "ourselves MX 10 mail.example.test.", "below MX 10 mail.example.test.",
        "below MX 20 mx.taker", "above MX 10 mail.example.test.", "above MX 5 mx.taker",
        "half MX 10 mx.missing", "half MX 20 mx.taker", "aka CNAME taker",
        "shaky MX 10 mx.servfail", "shaky MX 20 mx.taker",
        "mx.alias CNAME mx.taker", "aliased MX 10 mx.alias", "xn--bcher-kva MX 10 mx.taker")
    town.dns.add("secure.test", "@ MX 10 mx.taker.test.", "own MX 10 mx", f"mx A {taker}",
                 kind="signed")
    # dns.py changes this address after the signature was made.
    town.dns.add("bogus.test", "@ MX 10 mx", "mx A 127.0.0.66", kind="bogus")
    town.odd_v6("sixth")


def declare_abilities(town):
    """What servers can and cannot do."""
    town.odd("able")
    town.real("unable", "smtpd_discard_ehlo_keywords = 8bitmime smtputf8 dsn pipelining")
    town.real("small", "message_size_limit = 20000")
