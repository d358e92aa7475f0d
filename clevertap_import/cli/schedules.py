"""The commands that switch what starts an import: pause, resume and stop."""

from typing import TYPE_CHECKING

import click

from clevertap_import.cli.conventions import exit_on_error
from clevertap_import.selection import all_imports

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from clevertap_import.config.model import ImportConfig


@click.command()
@click.argument("name")
@exit_on_error
def pause(name: str) -> None:
    """Pause the schedule of the import NAME: no new run, until it is resumed. A run under way goes on."""
    with_import(name, "pause")


@click.command()
@click.argument("name")
@exit_on_error
def resume(name: str) -> None:
    """Resume the schedule of the import NAME. Its next run takes what came meanwhile."""
    with_import(name, "resume")


@click.command()
@click.argument("name")
@exit_on_error
def stop(name: str) -> None:
    """Stop the schedule of the import NAME for good: runs of it that wait are canceled too."""
    with_import(name, "stop")


def with_import(name: str, command: str) -> None:
    from clevertap_import.cli.printing import say
    from clevertap_import.orchestration.instance import open_instance

    imports = all_imports()
    config = imports.called(name).config
    with open_instance() as instance:
        say(switched(instance, config, [each.config for each in imports.loaded], command))


def switched(
    instance: "DagsterInstance", config: "ImportConfig", configs: list["ImportConfig"], command: str
) -> str:
    """Does it; what there is to say."""
    from clevertap_import.orchestration.automation import automation_name
    from clevertap_import.orchestration.schedule_state import stop as stop_import
    from clevertap_import.orchestration.schedule_state import switch
    from clevertap_import.orchestration.sensors import FIRST_RUNS

    others = {FIRST_RUNS, *(automation_name(each) or "" for each in configs)}
    name = config.nickname
    if command == "stop":
        stop_import(instance, config, others)
        return f"{name} is stopped. The command resume starts it again."
    switch(instance, config, others, on=command == "resume")
    return f"{name} is paused." if command == "pause" else f"{name} is resumed: {config.schedule.summary}."
