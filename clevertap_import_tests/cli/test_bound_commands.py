"""Each command is bound to a function by its name as text: it is there, and takes the options."""

import inspect
from collections.abc import Iterator

import click
import pytest

from clevertap_import.cli.conventions import BoundCommand, function_at
from clevertap_import.cli.main import main


def commands(group: click.Group) -> Iterator[click.Command]:
    for each in group.commands.values():
        if isinstance(each, click.Group):
            yield from commands(each)
        else:
            yield each


def bound(command: click.Command) -> BoundCommand:
    assert isinstance(command, BoundCommand), f"{command.name} has no target"
    return command


@pytest.mark.parametrize("command", commands(main), ids=lambda each: str(each.name))
def test_a_command_is_bound_to_a_function_that_takes_its_options(command: click.Command) -> None:
    options = {str(each.name): None for each in command.params}
    inspect.signature(function_at(bound(command).target)).bind(**options)


def test_each_command_has_its_own_function() -> None:
    targets = [bound(command).target for command in commands(main)]
    assert len(targets) == len(set(targets)) > 15
