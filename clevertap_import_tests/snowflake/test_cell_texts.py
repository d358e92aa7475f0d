"""Cells as JSON text: every value that JSON can represent is exact."""

import json
from datetime import date
from decimal import Decimal

import pytest

from clevertap_import.snowflake.cell_texts import json_text


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (["a", None, True], ["a", None, True]),
        ([Decimal("1.50"), Decimal("7.00")], [1.5, 7]),
        ([Decimal("12345678901234567890.12")], ["12345678901234567890.12"]),
        ({"day": date(2024, 5, 1), "raw": b"\x01"}, {"day": "2024-05-01", "raw": "01"}),
    ],
)
def test_what_is_nested_keeps_its_values(value: object, parsed: object) -> None:
    assert json.loads(json_text(value)) == parsed
