"""A few lines of YAML that would become millions of values are refused, with the line, before they do."""

import pytest

from clevertap_import.config.yaml_bounds import MOST_LEVELS, MOST_VALUES
from clevertap_import.config.yaml_file import Draft, read_imports
from clevertap_import_tests.config.test_yaml_file import TABLE, loaded

TENS = ["[x]", *("[" + ", ".join([f"*a{number}"] * 10) + "]" for number in range(9))]
ALIASES = "\n".join(f"a{number}: &a{number} {value}" for number, value in enumerate(TENS))
MERGES = "a0: &a0 {k: v}\n" + "\n".join(
    f"a{number}: &a{number} {{<<: [{', '.join([f'*a{number - 1}'] * 10)}]}}" for number in range(1, 10)
)


def problem(text: str) -> tuple[int, str]:
    (draft,) = read_imports(text, "defs.yaml")
    assert isinstance(draft, Draft)
    (found,) = draft.problems
    return found.line, found.message


@pytest.mark.parametrize("text", [ALIASES, MERGES], ids=["aliases", "merge keys"])
def test_what_a_kilobyte_repeats_a_billion_times_is_refused_where_it_grows(text: str) -> None:
    assert len(text) < 1024
    line, message = problem(text)
    assert line == 5
    assert message.startswith(
        "Up to here the document has more than 20,000 values; this includes what aliases (*) and merge keys"
    )


def test_a_list_that_repeats_itself_is_refused() -> None:
    assert problem("type: t\nattributes: &a [1, *a]") == (
        2,
        "*a is inside the block that it repeats. Remove it.",
    )


@pytest.mark.parametrize("brackets", [("[", "]"), ("{a: ", "}"), ("[", "")], ids=["lists", "blocks", "open"])
def test_what_stands_too_deep_is_refused_and_does_not_end_the_process(brackets: tuple[str, str]) -> None:
    opening, closing = brackets
    line, message = problem("\na: " + opening * 100_000 + closing * 100_000)
    assert (line, message) == (2, f"Blocks or brackets are nested more than {MOST_LEVELS} levels deep.")


def test_levels_are_counted_through_aliases() -> None:
    chain = "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MOST_LEVELS + 10))
    assert problem(f"a0: &a0 []\n{chain}")[0] == MOST_LEVELS


def test_so_are_simply_too_many_values() -> None:
    line, message = problem("\n".join(f"- {number}" for number in range(MOST_VALUES + 1)))
    assert line == MOST_VALUES
    assert "make several imports of it" in message


def test_a_file_of_nothing_but_beginnings_of_documents_is_refused() -> None:
    line, message = problem("---\n" * 200_000)
    assert (line, message) == (1001, "The file has more than 1,000 documents. Make several files of it.")


def test_each_document_of_a_file_counts_by_itself() -> None:
    other = "type: other\nattributes: [" + "1, " * (MOST_VALUES - 100) + "]\n---\n"
    assert loaded(other + other + TABLE)


def test_the_largest_import_is_far_from_the_bounds() -> None:
    properties = "".join(
        f"      - {{column: C{number}, property: P{number}, type: date, format: YYYY-MM-DD}}\n"
        for number in range(256)
    )
    text = TABLE.rstrip() + "\n    properties:\n" + properties
    assert text.count("column:") > 256
    assert len(text) < 100_000
    assert not [each for each in read_imports(text, "defs.yaml") if "values" in str(each)]
