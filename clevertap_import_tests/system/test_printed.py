"""What strangers write never steers a terminal: each door of the commands to it, with any letters."""

import ast
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clevertap_import.cli.conventions import echo_stderr, stop
from clevertap_import.cli.drawing import print_rows, print_table
from clevertap_import.cli.printing import json_text, print_json, printable, record_text, say
from clevertap_import.escapes import escaped
from clevertap_import_tests.repository.test_architecture import ROOT
from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import LocalSnowflake
from clevertap_import_tests.testing.workshop import Workshop, command, days_ago, open_workshop

CLEAR, TITLE, LINK = "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]8;;http://evil.example\x1b\\"
EIGHT_BIT, BIDI, ISOLATE, DELETE = "\x9b2J\x9d0;x\x9c", "\u202egnp.exe\u202c", "\u2066a\u2069", "\x7f\x08\r"
NASTY = (CLEAR, TITLE, LINK, EIGHT_BIT, BIDI, ISOLATE, DELETE, "\u2028\u2029", "\U000e0041")
OBEYED = {"Cc", "Cf", "Zl", "Zp", "Cs"}
HARMLESS = "\n\u200c\u200d"

DOORS: dict[str, Callable[[str], None]] = {
    "say": say,
    "aside": echo_stderr,
    "stop": lambda text: stop(text, 1),
    "json": lambda text: print_json([{text: text}]),
    "record": lambda text: say(record_text({text: [text]})),
    "table": lambda text: print_table(text, ("title", "code"), [{"title": text, "code": [text]}]),
    "rows": lambda text: print_rows(text, [{text: text}]),
}


def obeyed(shown: str) -> list[str]:
    return [letter for letter in shown if unicodedata.category(letter) in OBEYED and letter not in HARMLESS]


def printed(door: Callable[[str], None], text: str) -> str:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output), suppress(SystemExit):
        door(text)
    return output.getvalue()


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@given(text=st.text(min_size=1, max_size=30) | st.sampled_from(NASTY))
@example(text="".join(NASTY))
def test_no_door_lets_through_what_a_terminal_obeys(door: Callable[[str], None], text: str) -> None:
    assert obeyed(printed(door, text)) == []


@given(st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@example("".join(NASTY))
def test_json_is_what_it_was(document: object) -> None:
    assert json.loads(json_text(document)) == document
    assert json.loads(json_text(document, indent=2)) == document


@pytest.mark.parametrize("text", ["Café, 東京 🎉", "नमस्ते", "क\u200cष", "👩\u200d💻", "one\ntwo"])
def test_words_of_people_stay_as_they_are(text: str) -> None:
    assert escaped(text) == text
    assert json.loads(json_text(text)) == text


def test_rows_are_shown_letter_by_letter() -> None:
    assert printable("a\u200d\nb") == r"a\u200d\nb"


def test_nothing_else_of_the_commands_writes_to_the_terminal() -> None:
    """Each other way would be a door that the law above does not know."""
    package = ROOT / "clevertap_import"
    modules = [*package.glob("*.py"), *(package / "cli").glob("*.py")]
    assert len(modules) > 10
    ways = {
        f"{module.name}: {ast.unparse(call)}"
        for module in modules
        for call in ast.walk(ast.parse(module.read_text()))
        if isinstance(call, ast.Call)
        and re.match(
            r"(click\.(echo|secho|style)|print|sys\.std\w+\.write|console\.print)\(", ast.unparse(call)
        )
    }
    assert {way.split("(")[0] for way in ways if not way.startswith(("printing.py", "drawing.py"))} == {
        "local_sandbox.py: sys.stdout.write"
    }, ways


@pytest.fixture
def shop(
    tmp_path: Path, local_snowflake: LocalSnowflake, fake_clevertap: FakeCleverTap
) -> Iterator[Workshop]:
    with open_workshop(tmp_path, local_snowflake, fake_clevertap) as opened:
        yield opened


def test_titles_cells_and_clevertaps_words_come_escaped_from_the_commands(shop: Workshop) -> None:
    nasty = "".join(NASTY[:-1])
    shop.write("nasty", title=f"Title {nasty}", start=days_ago(1), description=nasty)
    shop.people([("ann", "Ann", datetime.now(UTC)), ("bob", f"Bob {nasty}", datetime.now(UTC))])
    shop.clevertap.faults([{"kind": "status", "status": 401, "error": nasty}])
    outputs = {}
    for words in (
        ("list", "--wide"),
        ("list", "--json"),
        ("preview", "nasty"),
        ("preview", "nasty", "--json"),
        ("run", "nasty"),
        ("run", "nasty", "--json"),
        ("stats", "nasty"),
        ("stats", "nasty", "--json"),
    ):
        done = command(shop, *words)
        outputs[words] = done.stdout + done.stderr
    assert {words: obeyed(text) for words, text in outputs.items() if obeyed(text)} == {}
    assert r"Title \x1b[2J" in outputs[("list", "--wide")]
    assert r"Bob \x1b[2J" in outputs[("preview", "nasty")]
