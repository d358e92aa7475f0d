"""A folder of imports: what is found, SQL files, nicknames used twice, and how fast."""

import sys
from functools import partial
from pathlib import Path

import pytest

from clevertap_import.config.model import ImportConfig, SqlSource
from clevertap_import.project.folder import (
    FolderMissing,
    Imports,
    imports_folder,
    load_folder,
)
from clevertap_import_tests.testing.cost import calls_of

IMPORT = """\
type: clevertap_import.components.CleverTapImport
attributes:
  nickname: {nickname}
  source: {source}
  target:
    kind: profiles
    identity: {{column: ID}}
"""
TABLE = "{kind: table, table: T}"
SQL_FILE = "{kind: sql, sql_file: query.sql}"


def write(folder: Path, file: str, nickname: str, source: str = TABLE) -> str:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(IMPORT.format(nickname=nickname, source=source))
    return str(path)


def problems(imports: Imports) -> list[str]:
    return [str(problem) for draft in imports.drafts for problem in draft.problems]


def test_every_yaml_file_below_the_folder_is_read_in_order(tmp_path: Path) -> None:
    files = [write(tmp_path, file, name) for file, name in (("b/defs.yaml", "b"), ("a/c/x.yml", "c"))]
    write(tmp_path, "a/notes.txt", "no")
    (tmp_path / "folder.yaml").mkdir()
    found = load_folder(tmp_path)
    assert [(each.config.nickname, each.file) for each in found.loaded] == [("c", files[1]), ("b", files[0])]
    assert found.drafts == ()


def test_an_empty_or_missing_folder_has_no_imports(tmp_path: Path) -> None:
    assert load_folder(tmp_path) == load_folder(tmp_path / "missing") == Imports((), ())


def test_a_broken_file_leaves_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path, "good/defs.yaml", "good")
    file = write(tmp_path, "bad/defs.yaml", "bad", "{kind: tables, table: T}")
    found = load_folder(tmp_path)
    assert [each.config.nickname for each in found.loaded] == ["good"]
    assert [draft.nickname for draft in found.drafts] == ["bad"]
    assert problems(found) == [
        f"{file}:4: source.kind: kind is 'tables'. Did you mean 'table'? Allowed: table, sql."
    ]


def test_a_sql_file_is_read_from_beside_its_yaml(tmp_path: Path) -> None:
    write(tmp_path, "a/defs.yaml", "a", SQL_FILE)
    (tmp_path / "a/query.sql").write_text("\ufeffselect 'é'\n", "utf-8")
    (found,) = load_folder(tmp_path).loaded
    assert isinstance(found.config.source, SqlSource)
    assert found.config.source.text == "select 'é'\n"
    assert ImportConfig.model_validate(found.config.model_dump()) == found.config


def test_a_missing_sql_file_is_reported_with_those_that_are_there(tmp_path: Path) -> None:
    file = write(tmp_path, "a/defs.yaml", "a", SQL_FILE)
    start = f"{file}:4: source.sql_file: {tmp_path}/a/query.sql cannot be read: no such file or directory."
    assert problems(load_folder(tmp_path)) == [f"{start} There is no SQL file in that folder."]
    (tmp_path / "a/queries.sql").write_text("select 1")
    assert problems(load_folder(tmp_path)) == [f"{start} SQL files there: queries.sql."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff\xfe", "is not UTF-8 text. Save it as UTF-8."), (b" \n", "is empty. Write one SELECT into it.")],
)
def test_a_sql_file_without_text_is_reported(tmp_path: Path, content: bytes, reason: str) -> None:
    file = write(tmp_path, "a/defs.yaml", "a", SQL_FILE)
    (tmp_path / "a/query.sql").write_bytes(content)
    assert problems(load_folder(tmp_path)) == [f"{file}:4: source.sql_file: {tmp_path}/a/query.sql {reason}"]


def test_a_sql_file_may_be_shared_within_the_folder_of_imports_only(tmp_path: Path) -> None:
    root, outside = tmp_path / "imports", tmp_path / "outside.sql"
    outside.write_text("secret")
    source = "{{kind: sql, sql_file: {}}}"
    write(root, "good/defs.yaml", "good", source.format("../shared.sql"))
    (root / "shared.sql").write_text("select 1")
    files = [
        write(root, f"{name}/defs.yaml", name, source.format(path))
        for name, path in (("up", "../../outside.sql"), ("whole", outside))
    ]
    found = load_folder(root)
    assert [each.config.nickname for each in found.loaded] == ["good"]
    assert problems(found) == [
        f"{file}:4: source.sql_file: {outside} is outside of {root}. Put the file beside this YAML file."
        for file in files
    ]


def test_a_sql_file_that_no_file_can_be_called_is_reported(tmp_path: Path) -> None:
    file = write(tmp_path, "a/defs.yaml", "a", r'{kind: sql, sql_file: "a\0b"}')
    message = r"'a\x00b' is not the name of a file."
    assert problems(load_folder(tmp_path)) == [f"{file}:4: source.sql_file: {message}"]


def test_problems_of_the_sql_and_of_the_mapping_are_reported_together(tmp_path: Path) -> None:
    file = Path(write(tmp_path, "a/defs.yaml", "a", "{kind: sql, sql: delete from T}"))
    with file.open("a") as end:
        end.write("    properties: [{column: A, property: A$}]\n")
    assert [problem.split(": ")[1] for problem in problems(load_folder(tmp_path))] == [
        "source.sql",
        "target.properties[0].property",
    ]


def test_a_folder_that_is_named_and_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing, match=r"CLEVERTAP_IMPORT_DEFS names .*/missing, which is no folder"):
        imports_folder({"CLEVERTAP_IMPORT_DEFS": str(tmp_path / "missing")})


def test_a_nickname_used_twice_makes_drafts_that_name_both_files(tmp_path: Path) -> None:
    first, second = (write(tmp_path, f"{name}/defs.yaml", "same") for name in "ab")
    write(tmp_path, "c/defs.yaml", "other")
    found = load_folder(tmp_path)
    assert [each.config.nickname for each in found.loaded] == ["other"]
    message = f"nickname: 'same' is used twice: in {first}:3 and {second}:3. Rename one of them."
    assert problems(found) == [f"{first}:3: {message}", f"{second}:3: {message}"]


def test_a_nickname_used_twice_in_one_file_names_both_lines(tmp_path: Path) -> None:
    file = write(tmp_path, "defs.yaml", "same")
    Path(file).write_text("---\n".join([Path(file).read_text()] * 2))
    message = f"nickname: 'same' is used twice: in {file}:3 and {file}:11. Rename one of them."
    assert problems(load_folder(tmp_path)) == [f"{file}:3: {message}", f"{file}:11: {message}"]


def test_a_file_that_is_not_text_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "defs.yaml").write_bytes(b"a: b\nc: \xff\n")
    assert problems(load_folder(tmp_path)) == [
        f"{tmp_path}/defs.yaml:2: This line is not UTF-8 text. Save the file as UTF-8."
    ]


def test_a_file_that_is_too_long_for_imports_is_reported_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("# " + "x" * 1_000_000)
    assert problems(load_folder(tmp_path)) == [
        f"{path}:1: The file has more than 1,000,000 bytes. Make several files of it, or move it elsewhere."
    ]


def test_a_long_file_of_others_in_a_dagster_project_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dg.toml").write_text('[project]\nroot_module = "shop"\n')
    folder = tmp_path / "shop" / "defs"
    folder.mkdir(parents=True)
    (folder / "data.yaml").write_text("# " + "x" * 1_000_000)
    assert load_folder(folder) == Imports((), ())
    (folder / "ours.yaml").write_text("# clevertap_import.components\n# " + "x" * 1_000_000)
    assert len(load_folder(folder).drafts) == 1


def test_each_of_hundreds_of_imports_costs_as_much_as_each_of_a_few(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path, f"many/{number}/defs.yaml", f"import_{number}")
        if number < 30:
            write(tmp_path, f"few/{number}/defs.yaml", f"import_{number}")
    few, many = (calls_of(partial(load_folder, tmp_path / name)) for name in ("few", "many"))
    assert len(load_folder(tmp_path / "many").loaded) == 300
    sys.stdout.write(f"{many / 300:,.0f} calls for an import\n")
    assert many < 10.5 * few
