"""Wherever in a project a command is started, it finds the same Dagster home, journal and .env."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from clevertap_import.cli.main import main
from clevertap_import.orchestration.instance import open_instance
from clevertap_import.orchestration.resources import home
from clevertap_import_tests.testing.workshop import document, profiles_target

OUR_INSTANCE = Path(__file__).parents[2] / "dagster.yaml"
ATTRIBUTES = {"source": {"kind": "table", "table": "A.B.C"}, "target": profiles_target(Name="NAME")}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = tmp_path / "src" / "crm" / "defs" / "people"
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(document("people", ATTRIBUTES))
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "crm"\n')
    return tmp_path


@pytest.mark.parametrize("with_file", [True, False], ids=["dagster.yaml", "none"])
def test_a_project_has_one_home(project: Path, monkeypatch: pytest.MonkeyPatch, with_file: bool) -> None:
    """Another one would have another journal, and all would be sent again."""
    below = project / "src" / "crm" / "defs" / "people"
    if with_file:
        shutil.copy(OUR_INSTANCE, project)
    for folder in (below, project):
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        monkeypatch.chdir(folder)
        assert home() == project / ".dagster"
        with open_instance() as instance:
            known = instance.run_storage.get_cursor_values({"seen"})
            instance.run_storage.set_cursor_values({"seen": "below"})
        assert known == ({} if folder == below else {"seen": "below"})
        assert not (below / ".dagster").exists()


def test_a_folder_with_a_home_of_its_own_keeps_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project / "src"
    (below / ".dagster").mkdir()
    monkeypatch.chdir(below)
    assert home() == below / ".dagster"


def test_a_home_may_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell resolves it, a .env does not; Dagster takes it, so the journal must not be elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "~/dagster")
    assert home() == tmp_path / "dagster"


def test_the_env_file_of_a_project_is_read_below_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "CLEVERTAP_IMPORT_DEFS"):
        monkeypatch.delenv(name, raising=False)
    (project / ".env").write_text("SNOWFLAKE_ACCOUNT=a\nSNOWFLAKE_USER=outer\n")
    (project / "src" / ".env").write_text("SNOWFLAKE_USER=inner\nSNOWFLAKE_PRIVATE_KEY_PATH=~/none.p8\n")
    monkeypatch.setenv("HOME", str(project / "somebody"))
    monkeypatch.chdir(project / "src")
    done = CliRunner().invoke(main, ["check"], env=dict.fromkeys(("SNOWFLAKE_PASSWORD", "SNOWFLAKE_HOST")))
    assert done.exit_code == 1
    assert "The Snowflake private key ~/none.p8 cannot be read: no such file" in done.stdout


@pytest.mark.parametrize("content", [b"A=\xff\xfe", b"A=x\x00y\n"], ids=["not UTF-8", "a NUL"])
def test_an_env_file_that_is_no_text_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["list"])
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path}/.env is not UTF-8 text. Save it as UTF-8.\n")


@pytest.mark.parametrize("words", ["list", "demo", "sandbox"])
def test_a_folder_that_is_gone_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = CliRunner().invoke(main, [words])
    assert (done.exit_code, done.stderr) == (
        2,
        "The folder in which this command was started does not exist any more. Start it in another folder.\n",
    )
