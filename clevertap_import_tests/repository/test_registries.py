"""A half-added property type or schedule kind stops the import of the code; the error says what to add."""

import subprocess
import sys

import pytest

from clevertap_import.config.schedule import KINDS, Monthly
from clevertap_import.mapping.column_types import missing_entries
from clevertap_import.orchestration.sensors import EVALUATORS, never_started
from clevertap_import_tests.repository.test_architecture import ROOT

HALF_ADDED = {
    "'colour' lacks PropertyType in config/target.py": (
        "from clevertap_import.snowflake.type_compatibility import READS as r; r['colour'] = ('TEXT',)",
        "import clevertap_import.mapping.mapper, clevertap_import.mapping.column_types",
    ),
    "'groups' lacks READS in snowflake/type_compatibility.py": (
        "from clevertap_import.snowflake.type_compatibility import READS as r; r.pop('groups')",
        "import clevertap_import.project.check",
    ),
    "'list' lacks PROPERTY_TYPES in mapping/property_types.py": (
        "from clevertap_import.mapping.property_types import PROPERTY_TYPES as p; p.pop('list')",
        "import clevertap_import.orchestration.code_location",
    ),
    "Nothing starts imports of kind Hourly.": (
        "import clevertap_import.config.schedule as s",
        "class Hourly(s.Kind): word = 'Repeat Intervals'",
        "s.KINDS = (*s.KINDS, Hourly)",
        "import clevertap_import.orchestration.code_location",
    ),
}


@pytest.mark.parametrize("message", HALF_ADDED)
def test_code_with_a_half_added_entry_cannot_be_imported(message: str) -> None:
    command = [sys.executable, "-c", "\n".join(HALF_ADDED[message])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("LookupError: ")
    assert message in done.stderr.splitlines()[-1]


def test_each_place_that_lacks_a_property_type_is_named() -> None:
    assert missing_entries(["a", "b"], ["a", "b"], ["a", "b"]) == []
    assert missing_entries(["b"], ["a"], ["a", "b"]) == [
        "'a' lacks PropertyType in config/target.py",
        "'b' lacks READS in snowflake/type_compatibility.py",
    ]


def test_only_kinds_that_nothing_starts_are_named() -> None:
    assert never_started(KINDS, EVALUATORS) == []
    assert never_started(KINDS, []) == ["Once", "After", "Change"]


def test_a_kind_outside_the_union_stops_the_import_of_the_schedules() -> None:
    made = (ROOT / "clevertap_import/config/schedule.py").read_text().replace(f"{Monthly.__name__} | ", "")
    done = subprocess.run(
        [sys.executable, "-"], input=made, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "LookupError: A schedule kind that no import can name: Monthly." in done.stderr
