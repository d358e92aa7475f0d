"""Alerts to a real mail server and a real webhook: one message for each change, also when something fails."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clevertap_import.journal.outbox import claim, waiting
from clevertap_import.orchestration.resources import open_journal
from clevertap_import_tests.testing.alert_office import ALERTS, MINUTE, ON_SQLITE, OWNER, Office
from clevertap_import_tests.testing.alert_receivers import MailServer, Receiver


def test_each_change_is_one_message(office: Office, mail: MailServer, hook: Receiver) -> None:
    office.look()
    assert (mail.taken(), hook.titles()) == ([], [])
    office.ran("Failed")
    assert office.look() == "2 alerts were sent."
    assert mail.taken() == [(OWNER, "[error] customers: failed")]
    assert hook.titles() == ["[error] customers: failed"]
    office.look()
    office.ran("Failed")
    office.look()
    assert mail.taken() == []
    office.ran("Failed")
    office.look()
    assert mail.taken() == [(OWNER, "[critical] customers: failed (was: error)")]
    office.ran(accepted=80, invalid=20)
    office.look()
    assert mail.taken() == [
        (OWNER, "[recovered] customers: failed"),
        (OWNER, "[warning] customers: degraded"),
    ]
    assert hook.titles() == ["[critical] customers: failed (was: error)", "[recovered] customers: failed"]
    office.ran(accepted=100)
    office.look()
    assert mail.taken() == [(OWNER, "[recovered] customers: degraded")]
    assert len(hook.addresses) == 7, "a heartbeat after each look"


def test_a_mail_server_that_is_away_for_five_minutes_gets_each_message_once(
    office: Office, mail: MailServer, hook: Receiver
) -> None:
    mail.stop()
    office.ran("Failed")
    assert "The channel owner (growth@example.com) did not take its messages" in str(office.look())
    office.ran(accepted=100)
    office.look()
    office.look(minutes=3)
    assert hook.titles() == ["[error] customers: failed", "[recovered] customers: failed"]
    mail.start()
    office.look()
    office.look(minutes=8)
    office.look()
    assert mail.taken() == [
        (OWNER, "[error] customers: failed"),
        (OWNER, "[recovered] customers: failed"),
    ]
    assert hook.titles() == []


def test_a_mail_server_that_refuses_gets_the_message_again_and_there_is_no_heartbeat_meanwhile(
    office: Office, mail: MailServer, hook: Receiver
) -> None:
    mail.answer = "451 Try again later"
    office.ran("Failed")
    for minutes in (1, 1, 12, 2, 30):
        office.look(minutes)
    assert len(hook.addresses) == 4, "none after the message has waited for a quarter of an hour"
    (office.folder / "alerts.yaml").write_text(ALERTS.replace("owner", "post"))
    office.look()
    assert len(hook.addresses) == 5, "nothing waits for a channel that is there"
    (office.folder / "alerts.yaml").write_text(ALERTS)
    mail.answer = "250 OK"
    for minutes in (1, 14, 1):
        office.look(minutes)
    assert mail.taken() == [(OWNER, "[error] customers: failed")]
    assert hook.titles() == ["[error] customers: failed"]


def test_nothing_is_sent_while_an_import_is_mute(office: Office, mail: MailServer) -> None:
    office.mute(60)
    office.ran("Failed")
    office.look()
    office.ran(accepted=100)
    office.look()
    office.ran(accepted=10, invalid=10)
    office.look(minutes=57)
    assert mail.taken() == []
    office.look()
    office.look()
    assert mail.taken() == [(OWNER, "[warning] customers: degraded")]


@ON_SQLITE
def test_a_late_import_is_alerted_and_so_is_its_recovery(office: Office, mail: MailServer) -> None:
    office.write(schedule={"kind": "every", "every": "1 hour"})
    office.ran(accepted=100)
    office.look(minutes=85)
    assert mail.taken() == []
    office.look(minutes=10)
    assert mail.taken() == [(OWNER, "[error] customers: late")]
    office.look(minutes=10)
    office.ran(accepted=100)
    office.look()
    assert mail.taken() == [(OWNER, "[recovered] customers: late")]


@ON_SQLITE
def test_many_changes_at_once_are_one_message_for_a_channel(office: Office, hook: Receiver) -> None:
    for number in range(20):
        office.write(f"n{number:02}")
        office.ran("Failed", f"n{number:02}")
    office.look()
    (received,) = hook.received
    assert received["title"].startswith("[error] 20 alerts: n00: failed; n01: failed; ")
    assert all(f"[error] n{number:02}: failed" in received["message"] for number in range(20))
    hook.received.clear()
    office.look()
    assert hook.received == []


@ON_SQLITE
def test_a_message_that_is_always_refused_withholds_no_other(office: Office, hook: Receiver) -> None:
    """Neither one that is too long, nor the digest of many."""
    hook.most_bytes = 1_000
    office.write("long", title="x")
    office.ran("Failed", "long", problem="No such table. " * 100)
    for number in range(5):
        office.write(f"n{number}")
        office.ran("Failed", f"n{number}")
    for minutes in (1, 2, 4):
        office.look(minutes)
        assert hook.titles() == []
    office.look(8)
    assert sorted(hook.titles()) == [f"[error] n{number}: failed" for number in range(5)]
    hook.most_bytes = 1_000_000
    office.look(15)
    assert hook.titles() == ["[error] long: failed"]


def test_processes_that_look_at_the_same_moment_send_each_message_once(
    office: Office, mail: MailServer, hook: Receiver
) -> None:
    office.ran("Failed")
    with ThreadPoolExecutor(3) as looks:
        list(looks.map(lambda _: office.look(0), range(3)))
    office.look(minutes=7)
    assert mail.taken() == [(OWNER, "[error] customers: failed")]
    assert hook.titles() == ["[error] customers: failed"]


def test_what_a_killed_process_had_claimed_is_sent_after_five_minutes(office: Office, hook: Receiver) -> None:
    hook.status = 503
    office.ran("Failed")
    office.look()
    hook.status = 200
    with open_journal() as journal:
        assert claim(journal.engine, ["hook"], office.now + MINUTE)
    office.look(minutes=5)
    assert hook.titles() == []
    office.look()
    assert hook.titles() == ["[error] customers: failed"]


def test_a_journal_that_is_away_is_one_alert_and_its_return_another(
    office: Office, mail: MailServer, hook: Receiver, journal_url: str, use_journal: Callable[[str], None]
) -> None:
    office.ran("Failed")
    office.look()
    assert (len(mail.taken()), len(hook.titles())) == (1, 1)
    use_journal("postgresql+psycopg://someone:secret@127.0.0.1:1/none")
    office.look()
    office.look()
    assert mail.taken() == [], "a short outage"
    mail.stop()
    office.look()
    assert hook.titles() == ["[critical] journal away"]
    pings = len(hook.addresses)
    office.look(minutes=20)
    assert len(hook.addresses) == pings, "no heartbeat while an alert does not arrive"
    mail.start()
    office.look()
    office.look()
    assert mail.taken() == [(OWNER, "[critical] journal away")]
    assert "secret" not in mail.bodies[-1]
    use_journal(journal_url)
    office.look()
    office.look()
    assert mail.taken() == [(OWNER, "[recovered] journal away")]
    assert hook.titles() == ["[recovered] journal away"]


@ON_SQLITE
def test_a_wrong_file_stops_nothing_and_is_alerted_itself(office: Office, hook: Receiver) -> None:
    office.environment["CLEVERTAP_IMPORT_ALERTS_URL"] = f"json://{hook.place}/"
    (office.folder / "alerts.yaml").write_text(ALERTS.replace("to: [hook]", "to: [hok]"))
    office.ran("Failed")
    said = str(office.look())
    assert "alerts.yaml:5: routes[0].to[0]: 'hok' is not a channel. Did you mean 'hook'?" in said
    assert sorted(hook.titles()) == ["[error] alerts.yaml: draft", "[error] customers: failed"]
    (office.folder / "alerts.yaml").write_text(ALERTS)
    office.ran(accepted=100)
    office.look()
    assert sorted(hook.titles()) == ["[recovered] alerts.yaml: draft", "[recovered] customers: failed"]


@ON_SQLITE
def test_a_clock_that_is_set_back_withholds_no_alert(
    office: Office, hook: Receiver, use_journal: Callable[[str], None]
) -> None:
    year, right = 60 * 24 * 365 * MINUTE, office.now
    office.now += year
    office.ran("Failed")
    hook.status = 503
    office.look()
    office.now, hook.status = right, 200
    office.ran(accepted=100)
    office.look()
    assert hook.titles()[-2:] == ["[error] customers: failed", "[recovered] customers: failed"]
    use_journal("postgresql+psycopg://someone:secret@127.0.0.1:1/none")
    office.now += year
    office.look()
    office.now -= year
    office.look()
    office.look(minutes=2)
    assert hook.titles() == ["[critical] journal away"]


def test_a_draft_of_any_name_withholds_no_other_alert(office: Office, hook: Receiver) -> None:
    wrong = "type: clevertap_import.components.CleverTapImport\nattributes: {nickname: "
    for number, name in enumerate((r'"a\0b\r\nc"', "n" * 300)):
        (office.folder / f"wrong{number}.yaml").write_text(f"{wrong}{name}}}\n")
    Path(os.fsdecode(os.fsencode(office.folder) + b"/\xff.yaml")).write_text("")
    office.ran("Failed")
    office.look()
    (received,) = hook.received
    assert received["title"].startswith("[error] 4 alerts: ")
    for name in ("customers: failed", r"a\x00b\r\nc: draft", f"{'n' * 100}: draft", r"\udcff: draft"):
        assert f"[error] {name}" in received["message"]
    hook.received.clear()
    office.look()
    assert hook.received == []


def test_without_the_file_one_address_gets_everything(
    office: Office, mail: MailServer, hook: Receiver
) -> None:
    (office.folder / "alerts.yaml").unlink()
    office.ran(accepted=9, invalid=1)
    assert office.look() is None
    office.environment["CLEVERTAP_IMPORT_ALERTS_URL"] = f"json://{hook.place}/"
    office.look()
    assert hook.titles() == ["[warning] customers: degraded"], "what was wrong before there was an address"
    assert mail.taken() == []


@ON_SQLITE
def test_no_secret_of_an_address_is_in_a_log_or_in_a_sentence(
    office: Office, hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    office.environment["HOOK_PLACE"] = f"user:hunter2@{hook.place}/T0KEN?+x=qu3ry"
    office.ran("Failed")
    hook.status = 403
    said = str(office.look())
    assert "The channel hook did not take its messages: The service did not take the message." in said
    for secret in ("hunter2", "T0KEN", "qu3ry"):
        assert secret not in said + caplog.text
    with open_journal() as journal:
        assert "hunter2" not in str(waiting(journal.engine))
    hook.status = 200
    office.look()
    assert hook.titles() == ["[error] customers: failed"]
    assert "T0KEN" not in caplog.text
