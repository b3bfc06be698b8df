"""The process that fetches from outside, by what it does first: post alarms to a webhook."""
import contextlib
import json
import queue
import signal

import pytest

from company import CA, wait_for
from outside import Outside
from scene import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("courier")
    directory.chmod(0o755)
    made = Scene(directory, alert_interval="1s", disk_warning="1MiB", disk_watermark="1MiB")
    made.company.set("courier-trust-store", made.company.authority.certificate)
    yield made
    made.close()


def reload(company):
    before = company.log.read_text().count(" event=config.re")
    company.process.send_signal(signal.SIGHUP)
    wait_for("the configuration to be read",
             lambda: company.log.read_text().count(" event=config.re") > before)


def raise_alarm(company):
    """One that needs no harm: a configuration that is wrong, and right again."""
    good = company.config.read_text()
    before = company.log.read_text().count("alert=config-refused")

    def raised():
        reload(company)
        return company.log.read_text().count("alert=config-refused") > before

    company.config.write_text("no-such-setting = 1\n" + good)
    wait_for("the alarm", raised, pause=0.3)  # it may be quiet still
    company.config.write_text(good)
    reload(company)


def said(company, event):
    return [line for line in company.log.read_text().splitlines() if f" event={event} " in line]


@contextlib.contextmanager
def webhook(company, behave, **options):
    server = Outside(behave, **options)
    company.set("alert-webhook", server.url + "hook")
    reload(company)
    try:
        yield server
    finally:
        server.close()


def test_an_alarm_is_posted_as_json(scene):
    company = scene.company
    with webhook(company, lambda h, _: h.answer(204), tls=company.authority) as server:
        raise_alarm(company)
        path, headers, body = server.asked.get(timeout=30)
    assert path == "/hook"
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert set(told) == {"alarm", "from", "sentence", "host", "time"}
    assert (told["alarm"], told["from"]) == ("config-refused", "supervisor")
    assert "no-such-setting" in told["sentence"] and told["host"] == "mail.example.test"


def test_it_is_posted_again_when_that_failed_and_no_redirect_is_followed(scene):
    company = scene.company
    other = Outside(lambda h, _: h.answer(200))
    answers = [lambda h: h.answer(503), lambda h: h.answer(307, Location=other.url),
               lambda h: h.answer(200)]
    try:
        with webhook(company, lambda h, _: answers.pop(0)(h)) as server:
            raise_alarm(company)
            posted = [server.asked.get(timeout=30)[2] for _ in range(3)]
        assert posted[0] == posted[1] == posted[2]
        assert other.asked.empty()
    finally:
        other.close()


@pytest.mark.parametrize("issuer", ["stranger", "other name"])
def test_a_server_that_cannot_prove_its_name_gets_nothing(scene, tmp_path, issuer):
    company = scene.company
    authority = CA(tmp_path / "ca", "Stranger") if issuer == "stranger" else company.authority
    name = "127.0.0.1" if issuer == "stranger" else "elsewhere.test"
    before = len(said(company, "webhook.again"))
    with webhook(company, lambda h, _: h.answer(200), tls=authority, name=name) as server:
        raise_alarm(company)
        wait_for("a refusal", lambda: len(said(company, "webhook.again")) > before, 40)
        assert "certificate" in said(company, "webhook.again")[-1]
        with pytest.raises(queue.Empty):
            server.asked.get_nowait()


def test_an_answer_without_end_and_one_that_never_comes_hold_up_nothing(scene):
    company = scene.company

    def endless(handler, _):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(bytes(4096))

    before = len(said(company, "webhook.again"))
    with webhook(company, endless) as server:
        raise_alarm(company)
        server.asked.get(timeout=40)
        wait_for("a refusal", lambda: len(said(company, "webhook.again")) > before, 40)
        assert "longer than allowed" in said(company, "webhook.again")[-1]
    scene.send("meanwhile")
