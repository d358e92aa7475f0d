"""What users write and call, as the code declares it: commands, YAML keys, variables, codes, names."""

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import dagster as dg

from clevertap_import.cli.local_sandbox import HOME
from clevertap_import.cli.main import main
from clevertap_import.mapping import rejection_codes as codes
from clevertap_import.project.folder import imports_folder
from clevertap_import_tests.repository.test_docs import make_targets, variables_read
from clevertap_import_tests.testing.workshop import Workshop

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "import.schema.json"
WORDS = ("type", "const", "enum", "default", "pattern", "minimum", "maximum", "minItems", "required")


def declared() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "project": {
            "scripts": project["scripts"],
            "entry_points": project["entry-points"],
            "extras": sorted(project["optional-dependencies"]),
            "make_targets": sorted(make_targets()),
            "imports_folder": str(imports_folder({}).relative_to(ROOT)),
            "sandbox_folder": HOME,
        },
        "commands": dict(sorted(commands(main))),
        "yaml": yaml_keys(),
        "variables": sorted(variables_read()),
        "codes": {str(each.code): each.check for each in codes.ALL},
    }


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", dict(map(parameter, command.params))


def parameter(each: click.Parameter) -> tuple[str, str]:
    """How it is written, and what it takes."""
    if isinstance(each, click.Argument):
        return each.make_metavar(click.Context(main)), "argument"
    assert isinstance(each, click.Option)
    if each.is_flag:
        return " ".join(each.opts), "flag"
    words = [each.type.name]
    if isinstance(each.type, click.IntRange):
        words.append(f"{each.type.min} to {each.type.max}")
    if isinstance(each.type, click.Choice):
        words.append(" or ".join(each.type.choices))
    if isinstance(each.default, int | str):
        words.append(f"default {each.default}")
    return " ".join(each.opts), ", ".join(words)


def yaml_keys() -> dict[str, Any]:
    """All that a key of an import may hold, by its path; alternatives are `|`, items of a list `[]`."""
    schema = json.loads(SCHEMA.read_text())
    return dict(keys_below(schema, schema["$defs"], ""))


def keys_below(schema: dict[str, Any], models: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    if "$ref" in schema:
        yield from keys_below(models[schema["$ref"].rpartition("/")[2]], models, path)
        return
    if path and (words := {word: schema[word] for word in WORDS if word in schema}):
        yield path, words
    for number, each in enumerate([*schema.get("anyOf", ()), *schema.get("oneOf", ())], 1):
        yield from keys_below(each, models, f"{path}|{number}")
    if isinstance(schema.get("items"), dict):
        yield from keys_below(schema["items"], models, f"{path}[]")
    for name, each in schema.get("properties", {}).items():
        yield from keys_below(each, models, f"{path}.{name}" if path else name)


def dagster_names(shop: Workshop) -> dict[str, Any]:
    """Assets, checks, jobs, schedules, sensors and resources of a workshop's imports."""

    def plain(text: str) -> str:
        return text.replace(shop.name, "<name>")

    definitions = shop.definitions()
    repository = definitions.get_repository_def()
    jobs = [each for each in repository.get_all_jobs() if not each.name.startswith("__")]
    return {
        "assets": {
            each.key.to_user_string(): {
                "group": each.group_name,
                "kinds": sorted(each.kinds),
                "tags": {key: plain(value) for key, value in each.tags.items() if "/kind/" not in key},
                "owners": list(each.owners),
                "metadata": sorted(each.metadata),
                "upstream": sorted(key.to_user_string() for key in each.parent_keys),
                "checks": sorted(key.name for key in each.check_keys),
                "partitions": type(each.partitions_def).__name__,
            }
            for each in sorted(repository.asset_graph.asset_nodes, key=lambda node: node.key)
        },
        "jobs": {each.name: job(each) for each in jobs},
        "schedules": {each.name: schedule(shop, each) for each in repository.schedule_defs},
        "sensors": sorted(each.name for each in repository.sensor_defs),
        "resources": sorted(map(plain, definitions.resources or {})),
    }


def job(each: dg.JobDefinition) -> dict[str, Any]:
    """The tags of a job, and the options of its ops by which a launch may change a run."""
    options = {
        node.name: sorted(getattr(node.definition.config_schema.config_type, "fields", {}))
        for node in each.nodes_in_topological_order
        if isinstance(node.definition, dg.OpDefinition) and node.definition.config_schema
    }
    return {"tags": dict(each.tags), "options": options}


def schedule(shop: Workshop, each: dg.ScheduleDefinition) -> dict[str, Any]:
    """Its job, and the tags of the runs for which a tick asks."""
    with dg.build_schedule_context(shop.instance, scheduled_execution_time=datetime.now(UTC)) as context:
        requested = each.evaluate_tick(context).run_requests or ()
    return {"job": each.job_name, "run_tags": sorted({tag for request in requested for tag in request.tags})}
