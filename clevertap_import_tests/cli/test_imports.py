"""Where commands find imports, and what they say if there is none."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from clevertap_import.cli.main import main
from clevertap_import_tests.testing.workshop import document, profiles_target

WORDS = [
    *(("list",), ("list", "--json"), ("check",), ("check", "--offline"), ("check", "--json")),
    *((name, "customers") for name in ("run", "preview", "dry-run", "stats", "rejects", "retry", "settle")),
    *((name, "customers") for name in ("pause", "resume", "stop")),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_command_without_any_import_says_where_to_put_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("CLEVERTAP_IMPORT_DEFS", str(tmp_path))
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"There is no import here. Put one into {tmp_path}, as NAME/defs.yaml, or set CLEVERTAP_IMPORT_DEFS,"
        " in the environment or in .env, to the folder with your imports. In your own Dagster project,"
        " start the command in its folder.\n"
    )


def test_a_clone_without_imports_runs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLEVERTAP_IMPORT_DEFS", raising=False)
    done = CliRunner().invoke(main, ["run", "customers"])
    assert done.exit_code == 2
    assert "There is no import here. Put one into " in done.stderr
    assert "/clevertap_import/defs, as NAME/defs.yaml, or set CLEVERTAP_IMPORT_DEFS" in done.stderr


def test_in_a_dagster_project_the_commands_find_its_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "src" / "crm" / "defs" / "people"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "crm"\n')
    attributes = {"source": {"kind": "table", "table": "A.B.C"}, "target": profiles_target(Name="NAME")}
    (folder / "defs.yaml").write_text(document("people", attributes))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLEVERTAP_IMPORT_DEFS", raising=False)
    done = CliRunner().invoke(main, ["check", "--offline"])
    assert (done.exit_code, done.stdout) == (0, f"ok     people  {folder}/defs.yaml\n"), done.stderr
