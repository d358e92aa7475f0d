"""All imports at once: their files, and the Snowflake that they read, without running a query."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from clevertap_import.io.import_files import Imports
from clevertap_import.io.snowflake import Snowflake, open_snowflake, snowflake_settings
from clevertap_import.pure.errors import CleverTapImportError
from clevertap_import.pure.import_file import LoadedImport, Problem
from clevertap_import.pure.plan import column_problems
from clevertap_import.pure.sql import source_query

Verdict = dict[str, Any]


def verdicts(imports: Imports, environment: Mapping[str, str] | None) -> list[Verdict]:
    """For each import `{nickname, file, ok, problems, notes}`, ordered by nickname.

    Problems and notes are lists of `{file, line, key, message}`; an import with notes alone is ok. Without an
    environment the files alone are looked at, and Snowflake is not asked.
    """
    problems: dict[str, list[Problem]] = defaultdict(list)
    if environment is not None:
        for nickname, problem in source_problems(imports.loaded, environment):
            problems[nickname].append(problem)
    found = [
        verdict(each.config.nickname, each.file, problems[each.config.nickname], notes(each))
        for each in imports.loaded
    ]
    found += [verdict(each.nickname, each.file, each.problems, ()) for each in imports.drafts]
    return sorted(found, key=lambda each: (str(each["nickname"]), str(each["file"])))


def verdict(nickname: str, file: str, problems: Sequence[Problem], notes: Sequence[Problem]) -> Verdict:
    return {
        "nickname": nickname,
        "file": file,
        "ok": not problems,
        "problems": [asdict(each) for each in problems],
        "notes": [asdict(each) for each in notes],
    }


def notes(loaded: LoadedImport) -> list[Problem]:
    """What need not be changed, and should be known."""
    return [loaded.problem("schedule", text) for text in loaded.config.schedule.notes]


def source_problems(
    imports: Sequence[LoadedImport], environment: Mapping[str, str]
) -> Iterator[tuple[str, Problem]]:
    """What is wrong with each import's source, by nickname; one session for each connection."""
    by_connection: dict[str, list[LoadedImport]] = defaultdict(list)
    for loaded in imports:
        by_connection[loaded.config.connection].append(loaded)
    for name, members in by_connection.items():
        try:
            with open_snowflake(snowflake_settings(name, environment), "clevertap_import:check") as snowflake:
                for loaded in members:
                    for problem in query_problems(snowflake, loaded):
                        yield loaded.config.nickname, problem
        except CleverTapImportError as error:
            for loaded in members:
                yield loaded.config.nickname, loaded.problem("connection", str(error))


def query_problems(snowflake: Snowflake, loaded: LoadedImport) -> list[Problem]:
    """Every column that cannot be used, with the line that names it; else why the query does not compile."""
    config = loaded.config
    try:
        columns = snowflake.describe(source_query(config))
    except CleverTapImportError as error:
        return [loaded.problem("source", str(error))]
    return [loaded.problem(key, message) for key, message in column_problems(config, columns)]
