"""A folder of imports that is looked at by a virtual clock; its alerts go to real servers."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.alerted import Mute
from clevertap_import.journal.alert_memory import enter_mute
from clevertap_import.journal.run_results import enter_result
from clevertap_import.orchestration.alerts import send_alerts
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.monitor import Situation
from clevertap_import.orchestration.resources import open_journal
from clevertap_import.project.folder import load_folder
from clevertap_import.report import Report
from clevertap_import.run_result import RunResult
from clevertap_import_tests.testing.workshop import document, profiles_target

MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
OWNER = "growth@example.com"
ON_SQLITE = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
"""For tests of what no database changes."""

ALERTS = """\
channels:
  hook: "json://${HOOK_PLACE}/"
  owner: "${MAIL_URL}"
routes:
  - {to: [hook], severity: error}
  - {to: [owner]}
"""


class Office:
    """A folder of imports that is looked at once a minute, each time by a new process, as it were."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, environment: dict[str, str]) -> None:
        self.folder, self.instance, self.environment = folder, instance, environment
        self.now = START

    def write(self, nickname: str = "customers", **attributes: object) -> None:
        usual = {
            "created_by": OWNER,
            "source": {"kind": "table", "table": "T"},
            "target": profiles_target(Name="NAME"),
        }
        file = self.folder / f"{nickname}.yaml"
        file.write_text(document(nickname, usual | attributes))
        # Monitoring takes the time of the file for that since which the schedule is on.
        os.utime(file, (START.timestamp(), START.timestamp()))

    def ran(
        self,
        status: str = "Success",
        nickname: str = "customers",
        problem: str = "No such table.",
        **counts: int,
    ) -> None:
        report = Report(read=sum(counts.values()), **counts)
        number = f"{nickname}-{self.now.timestamp()}"
        result = RunResult(nickname, number, self.now, self.now, status, report, problem=problem)  # type: ignore[arg-type]
        with open_journal() as journal:
            enter_result(journal.engine, result)

    def look(self, minutes: int = 1) -> str | None:
        self.now += minutes * MINUTE
        imports = load_folder(self.folder)
        states = import_states(self.instance, imports, self.now)
        return send_alerts(Situation(self.instance, imports, states, self.now), self.environment)

    def mute(self, minutes: int, nickname: str = "customers") -> None:
        with open_journal() as journal:
            enter_mute(journal.engine, Mute(nickname, self.now + minutes * MINUTE, "I repair it."), self.now)
