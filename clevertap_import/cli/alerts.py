"""The commands for alerts: alerts test, mute and unmute."""

import os
import sys
from datetime import UTC, datetime

from clevertap_import.alerted import Mute
from clevertap_import.bounds import duration_of
from clevertap_import.cli.conventions import EXIT_FAILED, EXIT_OK, echo_stderr
from clevertap_import.cli.printing import print_json, say, say_verdict
from clevertap_import.errors import ConfigError
from clevertap_import.journal.alert_memory import enter_mute, remove_mute
from clevertap_import.orchestration.alert_test import AlertTest, tested
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import Imports, imports_folder
from clevertap_import.selection import all_imports


def mute(name: str, duration: str, reason: str) -> None:
    names = names_of(all_imports(), name)
    now = datetime.now(UTC)
    until = now + duration_of(duration)
    line = " ".join(reason.split())
    if not line:
        raise ConfigError("--because is empty. Say why, for those who miss the alerts.")
    with open_journal() as journal:
        remove_mute(journal.engine, names, now)
        enter_mute(journal.engine, Mute(name, until, line), now)
    say(f"No alert about {name} is sent until {until:%Y-%m-%d %H:%M} UTC.")


def unmute(name: str) -> None:
    names = names_of(all_imports(), name)
    with open_journal() as journal:
        was_mute = remove_mute(journal.engine, names, datetime.now(UTC))
    say(f"Alerts about {name} are sent again." if was_mute else f"{name} is not mute.")


def names_of(imports: Imports, name: str) -> tuple[str, ...]:
    """The nickname and the one before it; a draft can be mute too. Raises UnknownImport."""
    if any(each.nickname == name for each in imports.drafts):
        return (name,)
    return imports.called(name).config.nicknames


def test(json_output: bool) -> None:
    found = tested(all_imports(), imports_folder(os.environ), os.environ)
    if json_output:
        print_json(found.document)
    else:
        print_test(found)
    sys.exit(EXIT_OK if found.is_ok else EXIT_FAILED)


def print_test(found: AlertTest) -> None:
    for problem in found.problems:
        say_verdict(str(problem), ok=False)
    for place, refusal in found.places.items():
        waits = found.waits_for(place)
        more = f"; {waits} messages wait for it" if waits else ""
        say_verdict(f"{place}: {refusal or 'took the test message'}{more}", ok=refusal is None)
    if found.journal_problem:
        echo_stderr(f"How many messages wait is not known. {found.journal_problem}")
    for route in found.routes:
        words = [f"{severity}: {', '.join(places) or 'nobody'}" for severity, places in route.places.items()]
        say(f"      {route.nickname} -> {'; '.join(words)}")
