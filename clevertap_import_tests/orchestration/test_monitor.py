"""The sensor that watches all imports: one evaluation, and what an error of a task changes."""

from pathlib import Path

import dagster as dg
import pytest

from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.monitor import MonitoringFailed, Situation, monitor_sensor
from clevertap_import.project.folder import load_folder


def test_a_task_that_fails_hides_no_other_and_fails_the_tick_in_one_line(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    seen: list[int] = []

    def refused(_: Situation) -> str:
        raise ConfigError("No channel\nis called 'ops'.")

    def broken(_: Situation) -> str:
        raise ValueError("secret")

    def counts(situation: Situation) -> None:
        seen.append(len(situation.states))

    tasks = {"alerts": refused, "report": broken, "counts": counts}
    sensor = monitor_sensor(load_folder(tmp_path), tasks)
    with pytest.raises(
        MonitoringFailed, match=r"^alerts failed: No channel .*\. report failed: ValueError at "
    ) as error:
        sensor(dg.build_sensor_context(instance))
    assert seen == [0]
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)
