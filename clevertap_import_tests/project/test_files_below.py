"""SQL files and links: those that stay in the folder of imports are followed, no others."""

import os
from pathlib import Path

import pytest

from clevertap_import.project.files_below import LedOutside, read_below
from clevertap_import.project.folder import load_folder
from clevertap_import_tests.testing.workshop import document, profiles_target

SELECT = "select ID from T"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.sql").write_text("select PASSWORD from SECRETS")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "q.sql").write_text("select PASSWORD from SECRETS")
    folder = tmp_path / "imports"
    folder.mkdir()
    return folder


def problems(root: Path, sql_file: str) -> list[str]:
    """What is wrong with an import whose query is that file."""
    source = {"kind": "sql", "sql_file": sql_file}
    target = profiles_target()
    (root / "defs.yaml").write_text(document("linked", {"source": source, "target": target}))
    return [problem.message for draft in load_folder(root).drafts for problem in draft.problems]


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("q.sql", "../secret.sql"),
        ("q.sql", "{outside}/secret.sql"),
        ("folder", "../elsewhere"),
        ("folder", "{outside}/elsewhere"),
        ("q.sql", "/dev/zero"),
    ],
)
def test_a_link_that_leads_out_is_refused_and_nothing_of_it_is_reported(
    root: Path, link: str, leads_to: str
) -> None:
    (root / link).symlink_to(leads_to.format(outside=root.parent))
    (message,) = problems(root, link if link.endswith("sql") else f"{link}/q.sql")
    assert f"is a link that leads out of {root}, or no file. Put the file itself beside" in message
    assert "PASSWORD" not in message


@pytest.mark.parametrize("name", ["../secret.sql", "{outside}/secret.sql", "folder/../../secret.sql"])
def test_a_name_that_leads_out_is_refused(root: Path, name: str) -> None:
    (root / "folder").mkdir()
    (message,) = problems(root, name.format(outside=root.parent))
    assert "is outside of" in message
    assert "PASSWORD" not in message


def test_a_link_that_stays_is_followed(root: Path) -> None:
    """As Kubernetes mounts a ConfigMap: each file a link, through a link to the folder of the newest."""
    (root / "..2026").mkdir()
    (root / "..2026" / "q.sql").write_text(SELECT)
    (root / "..data").symlink_to("..2026")
    (root / "q.sql").symlink_to("..data/q.sql")
    assert problems(root, "q.sql") == []
    (root / "around.sql").symlink_to(root.parent / "way" / "q.sql")
    (root.parent / "way").symlink_to(root)
    assert problems(root, "around.sql") == []


def test_a_folder_of_imports_that_is_a_link_itself_is_no_way_out(root: Path) -> None:
    (root / "q.sql").write_text(SELECT)
    (root.parent / "linked").symlink_to(root)
    assert problems(root.parent / "linked", "q.sql") == []


def test_a_pipe_is_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "q.sql")
    with pytest.raises(LedOutside):
        read_below(root, root / "q.sql")
