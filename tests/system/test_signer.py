"""A signer that does not answer delays letters; none leaves unsigned because of it."""
import os
import signal

import pytest

from company import wait_for
from test_faults import World, pytestmark  # noqa: F401


@pytest.mark.long
def test_nothing_leaves_unsigned_while_nobody_tells_the_keys(tmp_path):
    w = World(tmp_path)
    try:
        w.company.postern("dkim", "new", "one", "--algorithm", "ed25519")
        w.company.set("dkim-selector", "one")
        w.company.stop()
        w.company.start()
        token, letter = w.make()
        smtp = w.client()  # its session needs the signer for TLS
        signer, = (pid for pid, role in w.company.processes().items() if role == "signer")
        os.kill(signer, signal.SIGSTOP)
        try:
            assert w.give(smtp, letter)[0] == 250
            wait_for("the keeper to lose patience",
                     lambda: "event=signer.unreachable" in w.company.log.read_text(), 60)
        finally:
            os.kill(signer, signal.SIGCONT)
        w.wait_for_arrival(token)
        (_, arrived), = w.receiver.letters()
        assert b"DKIM-Signature:" in arrived.partition(b"\r\n\r\n")[0]
    finally:
        w.end()
