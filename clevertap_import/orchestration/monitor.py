"""The sensor `import_center`: it computes the state of all imports once a minute, and each task uses it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from traceback import extract_tb

import dagster as dg

from clevertap_import.config.asset_keys import IMPORT_CENTER
from clevertap_import.errors import CleverTapImportError
from clevertap_import.monitoring.picture import ImportState
from clevertap_import.orchestration.import_states import import_states
from clevertap_import.orchestration.sensors import sensor_status
from clevertap_import.project.folder import Imports

EVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Situation:
    """What a task may use. `states`: of all imports at the moment `now`, the worst first.

    A task that needs the journal opens it by `resources.open_journal`.
    """

    instance: dg.DagsterInstance
    imports: Imports
    states: Sequence[ImportState]
    now: datetime


Task = Callable[[Situation], str | None]
"""Returns what it did, as a sentence; None if there was nothing to do."""


class MonitoringFailed(CleverTapImportError):
    """A task of the sensor failed."""


def situation_now(instance: dg.DagsterInstance, imports: Imports) -> Situation:
    now = datetime.now(UTC)
    return Situation(instance, imports, import_states(instance, imports, now), now)


def monitor_sensor(imports: Imports, tasks: Mapping[str, Task]) -> dg.SensorDefinition:
    @dg.sensor(
        name=IMPORT_CENTER,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=sensor_status(True),
        description="Watches all imports: keeps the asset clevertap/import_center and its checks current.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(done(tasks, situation_now(context.instance, imports), context.log.error))

    return sensor


def done(tasks: Mapping[str, Task], situation: Situation, log: Callable[[str], None]) -> str:
    """Does all tasks, and returns what they did. At the end raises MonitoringFailed if one failed."""
    sentences, failures = [], []
    for name, task in tasks.items():
        try:
            sentences.append(task(situation))
        except Exception as error:
            failures.append(f"{name} failed: {one_line(error)}")
            log(failures[-1])
    if failures:
        raise MonitoringFailed(" ".join(failures))
    return " ".join(filter(None, sentences)) or "Nothing has changed."


def one_line(error: Exception) -> str:
    """Only the texts of our own errors are known to have no secret and no value of a row."""
    if isinstance(error, CleverTapImportError):
        return " ".join(str(error).split())
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}."
