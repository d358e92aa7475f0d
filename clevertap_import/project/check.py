"""All imports at once: their files, and the Snowflake that they read, without running a query."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from clevertap_import.config.yaml_file import ConfigProblem, LoadedImport
from clevertap_import.errors import CleverTapImportError
from clevertap_import.mapping.column_types import column_problems
from clevertap_import.project.folder import Imports
from clevertap_import.snowflake.late_rows import late_days, late_notes
from clevertap_import.snowflake.session import open_snowflake, snowflake_settings
from clevertap_import.snowflake.window_query import source_query

if TYPE_CHECKING:
    from clevertap_import.snowflake.open_session import Snowflake

Verdict = dict[str, Any]


@dataclass(slots=True)
class Diagnostics:
    """Problems and notes about one import, from Snowflake's answers or from the journal."""

    problems: list[ConfigProblem] = field(default_factory=list)
    notes: list[ConfigProblem] = field(default_factory=list)


def verdicts(
    imports: Imports, environment: Mapping[str, str] | None, known: Mapping[str, Diagnostics] | None = None
) -> list[Verdict]:
    """For each import `{nickname, file, ok, problems, notes}`, ordered by nickname.

    Problems and notes are lists of `{file, line, key, message}`; an import with notes alone is ok. Without an
    environment only the files are checked, and Snowflake is not asked. `known`: more problems and notes of
    imports, by nickname.
    """
    sources: dict[str, Diagnostics] = defaultdict(Diagnostics)
    if environment is not None:
        sources.update(source_diagnostics(imports.loaded, environment))
    found = []
    for each in imports.loaded:
        nickname = each.config.nickname
        source, other = sources[nickname], (known or {}).get(nickname, Diagnostics())
        all_notes = [*notes(each), *source.notes, *other.notes]
        found.append(verdict(nickname, each.file, [*source.problems, *other.problems], all_notes))
    found += [verdict(each.nickname, each.file, each.problems, ()) for each in imports.drafts]
    return sorted(found, key=lambda each: (str(each["nickname"]), str(each["file"])))


def verdict(
    nickname: str, file: str, problems: Sequence[ConfigProblem], notes: Sequence[ConfigProblem]
) -> Verdict:
    return {
        "nickname": nickname,
        "file": file,
        "ok": not problems,
        "problems": [asdict(each) for each in problems],
        "notes": [asdict(each) for each in notes],
    }


def notes(loaded: LoadedImport) -> list[ConfigProblem]:
    """Notes: the user should know them, but need not change anything."""
    found = [loaded.problem("schedule", text) for text in loaded.config.schedule.notes]
    return found + [loaded.problem("updated_on", text) for text in late_notes(loaded.config)]


def source_diagnostics(
    imports: Sequence[LoadedImport], environment: Mapping[str, str]
) -> Iterator[tuple[str, Diagnostics]]:
    """Problems and notes about each import's source, by nickname; one session for each connection."""
    by_connection: dict[str, list[LoadedImport]] = defaultdict(list)
    for loaded in imports:
        by_connection[loaded.config.connection].append(loaded)
    for name, members in by_connection.items():
        try:
            with open_snowflake(snowflake_settings(name, environment), "clevertap_import:check") as snowflake:
                for loaded in members:
                    yield loaded.config.nickname, query_diagnostics(snowflake, loaded)
        except CleverTapImportError as error:
            for loaded in members:
                problem = loaded.problem("connection", str(error))
                yield loaded.config.nickname, Diagnostics([problem])


def query_diagnostics(snowflake: "Snowflake", loaded: LoadedImport) -> Diagnostics:
    """Every column that cannot be used, with the line that names it; or why the query does not compile."""
    config = loaded.config
    try:
        columns = snowflake.describe(source_query(config))
    except CleverTapImportError as error:
        return Diagnostics([loaded.problem("source", str(error))])
    problems = [loaded.problem(key, message) for key, message in column_problems(config, columns)]
    days = [] if problems else [loaded.problem("updated_on", text) for text in late_days(config, columns)]
    return Diagnostics(problems, days)
