"""The upstream assets of an import, and imports that wait for each other in a circle."""

from collections.abc import Iterable, Iterator, Mapping

from clevertap_import.config.model import ImportConfig
from clevertap_import.config.schedule import After
from clevertap_import.config.yaml_file import Draft, ImportFile, LoadedImport

OWN_PREFIX = "clevertap/"


def upstream_assets(config: ImportConfig) -> dict[str, str]:
    """The keys of the assets that the import names, and the key of the YAML that names each."""
    started_by = config.schedule.assets if isinstance(config.schedule, After) else ()
    return {**dict.fromkeys(started_by, "schedule.assets"), **dict.fromkeys(config.deps, "deps")}


def without_cycles(found: Iterable[ImportFile]) -> Iterator[ImportFile]:
    """Imports that wait for each other become drafts: Dagster loads no import if there is a circle."""
    files = tuple(found)
    nicknames = {each.config.nickname for each in files if isinstance(each, LoadedImport)}
    upstream = {
        each.config.nickname: {
            key.removeprefix(OWN_PREFIX)
            for key in upstream_assets(each.config)
            if key.startswith(OWN_PREFIX) and key.removeprefix(OWN_PREFIX) in nicknames
        }
        for each in files
        if isinstance(each, LoadedImport)
    }
    for each in files:
        circle = shortest_circle(each.config.nickname, upstream) if isinstance(each, LoadedImport) else None
        yield in_a_circle(each, circle) if isinstance(each, LoadedImport) and circle else each


def shortest_circle(name: str, upstream: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """The path from an import over its upstream imports back to itself; None if there is none."""
    seen: set[str] = set()
    ways: list[tuple[str, ...]] = [(name,)]
    for way in ways:
        for other in sorted(upstream[way[-1]]):
            if other == name:
                return (*way, name)
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return None


def in_a_circle(loaded: LoadedImport, circle: tuple[str, ...]) -> Draft:
    keys = [f"{OWN_PREFIX}{name}" for name in circle]
    message = (
        f"These imports wait for each other, so none could be the first: {' after '.join(keys)}."
        f" Remove {keys[1]} here, or the name in one of the other files."
    )
    problem = loaded.problem(upstream_assets(loaded.config)[keys[1]], message)
    return Draft(loaded.config.nickname, loaded.file, loaded.line, (problem,))
