"""The commands that switch a schedule on and off: pause, resume and stop."""

from dagster import DagsterInstance

from clevertap_import.cli.printing import say
from clevertap_import.config.model import ImportConfig
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.names import automation_name
from clevertap_import.orchestration.schedule_state import stop as stop_import
from clevertap_import.orchestration.schedule_state import switch
from clevertap_import.orchestration.sensors import FIRST_RUNS
from clevertap_import.selection import all_imports


def pause(name: str) -> None:
    with_import(name, "pause")


def resume(name: str) -> None:
    with_import(name, "resume")


def stop(name: str) -> None:
    with_import(name, "stop")


def with_import(name: str, command: str) -> None:
    imports = all_imports()
    config = imports.called(name).config
    with open_instance() as instance:
        say(switched(instance, config, [each.config for each in imports.loaded], command))


def switched(
    instance: DagsterInstance, config: ImportConfig, configs: list[ImportConfig], command: str
) -> str:
    """Switches the schedule; returns the message for the user."""
    others = {FIRST_RUNS, *(automation_name(each) or "" for each in configs)}
    name = config.nickname
    if command == "stop":
        stop_import(instance, config, others)
        return f"{name} is stopped. The command resume starts it again."
    switch(instance, config, others, on=command == "resume")
    return f"{name} is paused." if command == "pause" else f"{name} is resumed: {config.schedule.summary}."
