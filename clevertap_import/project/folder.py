"""Reads the imports of a folder, and the SQL files beside them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from os.path import expanduser, normpath
from pathlib import Path

from clevertap_import.config.dagster_project import PACKAGE, DagsterProject, project_around
from clevertap_import.config.model import SqlSource
from clevertap_import.config.upstream import without_cycles
from clevertap_import.config.yaml_bounds import MOST_BYTES
from clevertap_import.config.yaml_file import Draft, ImportFile, LoadedImport, read_imports, unreadable
from clevertap_import.errors import ConfigError, did_you_mean
from clevertap_import.mapping.column_types import config_problems
from clevertap_import.project.alerts_file import is_alerts_file
from clevertap_import.project.files_below import LedOutside, read_below
from clevertap_import.snowflake.user_sql import NotASelect, one_select

FOLDER_VARIABLE = "CLEVERTAP_IMPORT_DEFS"
PACKAGE_FOLDER = Path(__file__).parents[1] / "defs"
SUFFIXES = (".yaml", ".yml")
TOO_LONG = f"The file has more than {MOST_BYTES:,} bytes. Make several files of it, or move it elsewhere."


@dataclass(frozen=True, slots=True)
class Imports:
    """The imports of a folder: those that can run, and those whose YAML has problems."""

    loaded: tuple[LoadedImport, ...]
    drafts: tuple[Draft, ...]

    @property
    def names(self) -> frozenset[str]:
        """The nicknames of all imports, drafts too, and their old nicknames."""
        before = {each.config.renamed_from for each in self.loaded} - {None}
        nicknames = {each.config.nickname for each in self.loaded} | {each.nickname for each in self.drafts}
        return frozenset(nicknames | {name for name in before if name})

    def called(self, nickname: str) -> LoadedImport:
        """The import of that nickname. Raises UnknownImport, or ImportIsDraft with its problems."""
        found = {each.config.nickname: each for each in self.loaded}
        if nickname in found:
            return found[nickname]
        problems = [
            str(problem) for each in self.drafts if each.nickname == nickname for problem in each.problems
        ]
        if problems:
            raise ImportIsDraft("\n".join([f"{nickname!r} is a draft:", *problems]))
        raise UnknownImport(
            f"No import is called {nickname!r}.{did_you_mean(nickname, found)}"
            f" There are {', '.join(sorted(found)) or 'none'}."
        )


class UnknownImport(ConfigError):
    """No import has the given nickname."""


class ImportIsDraft(ConfigError):
    """The import cannot run before its YAML is corrected."""


class NoImports(ConfigError):
    """The folder of imports has no import."""

    def __init__(self, folder: Path) -> None:
        into = f"Put one into {folder}, as NAME/defs.yaml, or set" if folder.is_dir() else "Set"
        super().__init__(
            f"There is no import here. {into} {FOLDER_VARIABLE}, in the environment or in .env, to the folder"
            " with your imports. In your own Dagster project, start the command in its folder."
        )


class FolderMissing(ConfigError):
    """The folder of imports that the environment names does not exist."""


class SqlFileUnreadable(Exception):
    """A `sql_file` does not exist, or is not text."""


def imports_folder(environment: Mapping[str, str]) -> Path:
    """The folder of imports that the environment names; or that of the Dagster project, or of this clone.

    Raises FolderMissing if the named folder does not exist. An installation has no clone.
    """
    named = environment.get(FOLDER_VARIABLE)
    if not named:
        project = project_around(Path.cwd())
        return project.defs if project else PACKAGE_FOLDER
    folder = Path(expanduser(named)).resolve()
    if not folder.is_dir():
        raise FolderMissing(
            f"{FOLDER_VARIABLE} names {folder}, which is no folder. Correct it, or make the folder."
        )
    return folder


def load_folder(folder: Path, project: DagsterProject | None = None) -> Imports:
    """Every import in the YAML files below `folder`, ordered by file.

    In the folder of a Dagster project, files that do not name our component belong to others. `project`:
    default: the one around `folder`.
    """
    project = project or project_around(folder)
    if project and not folder.is_relative_to(project.defs):
        project = None
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    each_once = _reject_duplicate_nicknames(
        each for path in paths for each in _read_file(path, folder, project)
    )
    found = list(without_cycles(_without_heirs_too_many(each_once)))
    return Imports(
        loaded=tuple(each for each in found if isinstance(each, LoadedImport)),
        drafts=tuple(each for each in found if isinstance(each, Draft)),
    )


def sql_text(source: SqlSource, folder: Path, root: Path) -> str:
    """The query; its file is relative to `folder`, and below `root`. Raises SqlFileUnreadable."""
    if source.sql_file is None:
        return source.text
    path = Path(normpath(folder / source.sql_file))
    if not path.is_relative_to(root):
        # Messages and Snowflake's history would show its content.
        raise SqlFileUnreadable(f"{path} is outside of {root}. Put the file beside this YAML file.")
    try:
        text = read_below(root, path).decode("utf-8-sig")
    except LedOutside:
        raise SqlFileUnreadable(
            f"{path} is a link that leads out of {root}, or no file."
            " Put the file itself beside this YAML file."
        ) from None
    except OSError as error:
        raise SqlFileUnreadable(
            f"{path} cannot be read: {_reason(error)}.{_sql_files(path.parent)}"
        ) from error
    except UnicodeDecodeError as error:
        raise SqlFileUnreadable(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    except ValueError as error:
        raise SqlFileUnreadable(f"{source.sql_file!r} is not the name of a file.") from error
    if not text.strip():
        raise SqlFileUnreadable(f"{path} is empty. Write one SELECT into it.")
    return text


def _read_file(path: Path, root: Path, project: DagsterProject | None) -> Iterator[ImportFile]:
    try:
        if path.stat().st_size > MOST_BYTES:
            if project is None or _names_us(path):
                yield unreadable(str(path), 1, TOO_LONG)
            return
        text = path.read_text("utf-8-sig")
    except OSError as error:
        yield unreadable(str(path), 1, f"The file cannot be read: {_reason(error)}.")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        yield unreadable(str(path), line, "This line is not UTF-8 text. Save the file as UTF-8.")
    else:
        if (project and f"{PACKAGE}." not in text) or is_alerts_file(path, root, text):
            return
        for each in read_imports(text, str(path), in_project=project is not None):
            folder = project.root if project else root
            yield with_sql_loaded(each, folder) if isinstance(each, LoadedImport) else each


def _names_us(path: Path) -> bool:
    with path.open("rb") as lines:
        return any(f"{PACKAGE}.".encode() in line for line in lines)


def with_sql_loaded(loaded: LoadedImport, root: Path) -> ImportFile:
    """`loaded` with its SQL file read; or a draft, if its SQL or its mapping cannot run."""
    config, source, found = loaded.config, loaded.config.source, list(config_problems(loaded.config))
    if isinstance(source, SqlSource):
        try:
            text = sql_text(source, Path(loaded.file).parent, root)
            one_select(text)
            config = config.model_copy(update={"source": SqlSource(sql=text)})
        except (SqlFileUnreadable, NotASelect) as error:
            found.append(("source.sql_file" if source.sql_file else "source.sql", str(error)))
    if found:
        problems = sorted((loaded.problem(*each) for each in found), key=lambda problem: problem.line)
        return Draft(config.nickname, loaded.file, loaded.line, tuple(problems))
    return replace(loaded, config=config)


def _reject_duplicate_nicknames(found: Iterable[ImportFile]) -> Iterator[ImportFile]:
    """Imports with the same nickname all become drafts: only a person knows which one is right."""
    files = tuple(found)
    by_nickname: defaultdict[str, list[LoadedImport]] = defaultdict(list)
    for each in files:
        if isinstance(each, LoadedImport):
            by_nickname[each.config.nickname].append(each)
    for each in files:
        twins = by_nickname[each.config.nickname] if isinstance(each, LoadedImport) else []
        yield _duplicate(each, twins) if isinstance(each, LoadedImport) and len(twins) > 1 else each


def _without_heirs_too_many(found: Iterable[ImportFile]) -> Iterator[ImportFile]:
    """`renamed_from` must name an import that no longer exists, and only one import may name it."""
    files = tuple(found)
    there = {each.config.nickname if isinstance(each, LoadedImport) else each.nickname for each in files}
    heirs = Counter(each.config.renamed_from for each in files if isinstance(each, LoadedImport))
    for each in files:
        before = each.config.renamed_from if isinstance(each, LoadedImport) else None
        if isinstance(each, LoadedImport) and before in there:
            yield _draft(
                each, "renamed_from", f"{before!r} is an import that still exists. Remove one of them."
            )
        elif isinstance(each, LoadedImport) and before and heirs[before] > 1:
            yield _draft(
                each,
                "renamed_from",
                f"Several imports have renamed_from: {before}. Only one of them can have it.",
            )
        else:
            yield each


def _duplicate(loaded: LoadedImport, twins: list[LoadedImport]) -> Draft:
    places = " and ".join(f"{twin.file}:{twin.problem('nickname', '').line}" for twin in twins)
    return _draft(
        loaded, "nickname", f"{loaded.config.nickname!r} is used twice: in {places}. Rename one of them."
    )


def _draft(loaded: LoadedImport, key: str, message: str) -> Draft:
    return Draft(loaded.config.nickname, loaded.file, loaded.line, (loaded.problem(key, message),))


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _sql_files(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*.sql"))
    return f" SQL files there: {', '.join(names)}." if names else " There is no SQL file in that folder."
