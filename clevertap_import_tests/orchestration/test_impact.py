"""What a dry run says: every look-up is accounted for, and shown values are as people write them."""

from decimal import Decimal

import pyarrow as pa
import pytest

from clevertap_import.clevertap.server_dry_run import Lookup
from clevertap_import.mapping.columns import CellProblem
from clevertap_import.mapping.rules import Violation
from clevertap_import.orchestration.checks import Impact
from clevertap_import.staging.stage import shown_value

COMPARED = "Of 6 rows 1 are new, 2 changed and 3 unchanged since they were last delivered."


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        (None, ""),
        (Lookup(), ""),
        (Lookup(30, 20, 10), " Of 30 profiles looked up in CleverTap 20 would be updated and 10 created."),
        (
            Lookup(30, 5, 10),
            " Of 30 profiles looked up in CleverTap 5 would be updated and 10 created."
            " For 15 it gave no clear answer.",
        ),
    ],
)
def test_every_look_up_is_reported(lookup: Lookup | None, message: str) -> None:
    assert Impact(1, 2, 3, lookup).summary == COMPARED + message


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (pa.array([Decimal("12.625")]), "12.625"),
        (pa.array([float("nan")]), "nan"),
        (pa.array([" ravi@ "]), "' ravi@ '"),
        (pa.array(["x" * 100]), "'" + "x" * 79 + "..."),
    ],
)
def test_a_shown_value_is_written_as_people_write_it(cells: pa.Array, shown: str) -> None:
    problem = CellProblem("C", "P", "integer", Violation("not_an_integer", pa.array([True])), is_fatal=False)
    assert shown_value(problem, pa.RecordBatch.from_arrays([cells], ["C"]), 0) == shown
