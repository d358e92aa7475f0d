"""Blank text: what counts as such, where it counts as NULL, and how many cells did."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.mapping.blanks import BLANK_RANGES, BLANKS, blank_cells
from clevertap_import.mapping.mapper import ColumnTypes, Mapped, Mapper
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.plain_mapping import is_blank
from clevertap_import_tests.testing.sent_records import sent

RUN_SECONDS = 1_793_500_000
WHITE = [
    "",
    " ",
    "\t",
    "\r\n",
    "\u00a0",
    "\u2003",
    "\u202f",
    "\u3000",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\x00",
]
edges = st.sampled_from(
    [chr(code) for pair in BLANK_RANGES for code in (max(pair[0] - 1, 0), *pair, pair[1] + 1)]
)
texts = st.text(edges | st.characters(codec="utf-8"), max_size=4)


def column(cells: list[str | None], cut: int = 0) -> pa.StringArray:
    return pa.array(cells, pa.string()).slice(cut)


@given(st.lists(st.none() | texts | st.sampled_from(WHITE)), st.integers(0, 3))
def test_a_cell_is_blank_if_nothing_in_it_can_be_seen(cells: list[str | None], cut: int) -> None:
    found = blank_cells(column(cells, cut))
    expected = [is_blank(cell) for cell in cells[cut:]]
    assert (found.to_pylist() if found is not None else [False] * len(expected)) == expected
    assert [cell is not None and not BLANKS.sub("", cell) for cell in cells[cut:]] == expected


def test_a_column_without_text_has_no_blank_cell() -> None:
    assert blank_cells(pa.nulls(3, pa.string())) is None
    assert blank_cells(column([])) is None
    assert blank_cells(column(["", ""])).to_pylist() == [True, True]  # type: ignore[union-attr]


def mapped(
    mapping: dict[str, object], cells: list[str | None], source_type: str = "TEXT", **policy: str
) -> Mapped:
    rows = pa.record_batch({"ID": pa.array([f"u{place}" for place in range(len(cells))]), "C": column(cells)})
    mapper = Mapper(
        profiles_import({"column": "C"} | mapping, **policy), RUN_SECONDS, ColumnTypes({"C": source_type})
    )
    return mapper.map(rows, np.zeros(len(cells), np.int64), 1)


@pytest.mark.parametrize("white", WHITE)
@pytest.mark.parametrize(
    ("mapping", "source_type"),
    [
        *(
            ({"property": name}, "TEXT")
            for name in ("Email", "Phone", "Gender", "Name", "Photo", "Birthday", "Age")
        ),
        *(
            ({"property": "P", "type": name}, "TEXT")
            for name in ("integer", "long", "float", "boolean", "list")
        ),
        ({"property": "DOB", "type": "date", "format": "dd/MM/yyyy"}, "TEXT"),
        ({"property": "P", "type": "date", "format": "epoch_seconds"}, "TEXT"),
        ({"property": "MSG-email"}, "VARIANT"),
    ],
)
def test_a_blank_cell_counts_as_null_and_is_counted(
    mapping: dict[str, object], source_type: str, white: str
) -> None:
    name = str(mapping["property"])
    for on_null, value in (("skip", {}), ("delete", {name: {"$delete": 1}})):
        result = mapped(mapping, [white, None], source_type, on_null=on_null)
        assert [record["profileData"] for record in sent(result)] == [value, value]
        assert (result.rejections, result.blank_values) == ((), {name: 1})


@pytest.mark.parametrize("cell", ['""', '" "', '"\\t"', '"\\u200b"'])
@pytest.mark.parametrize("kind", ["integer", "boolean", "list"])
def test_a_variant_that_holds_blank_text_counts_as_null(kind: str, cell: str) -> None:
    result = mapped({"property": "P", "type": kind}, [cell], "VARIANT")
    assert (result.rejections, result.blank_values) == ((), {"P": 1})


@pytest.mark.parametrize(("cell", "source_type"), [("", "TEXT"), (" ", "TEXT"), ('" "', "VARIANT")])
def test_blank_items_and_subscription_groups_count_as_null(cell: str, source_type: str) -> None:
    groups = mapped({"property": "category-unsubscribe"}, [cell], source_type)
    assert (groups.rejections, groups.blank_values) == ((), {"category-unsubscribe": 1})
    event = events_import(
        {"column": "C", "property": "Items"},
        target={"event_name": {"constant": "Charged"}, "created_on": None},
    )
    rows = pa.record_batch({"ID": pa.array(["u"]), "C": column([cell])})
    items = Mapper(event, RUN_SECONDS, ColumnTypes({"C": source_type})).map(rows, np.zeros(1, np.int64), 1)
    assert (items.rejections, items.blank_values) == ((), {"Items": 1})


def test_text_of_ones_own_may_be_blank() -> None:
    result = mapped({"property": "Note", "on_null": "delete"}, ["", " ", None])
    assert [record["profileData"] for record in sent(result)] == [
        {"Note": ""},
        {"Note": " "},
        {"Note": {"$delete": 1}},
    ]
    assert result.blank_values == {}


@pytest.mark.parametrize(
    ("mapping", "policy"),
    [
        ({"property": "Email"}, {"on_blank": "invalid"}),
        ({"property": "Email", "on_blank": "invalid"}, {}),
        ({"property": "Email", "on_blank": "invalid"}, {"on_blank": "as_null"}),
    ],
)
def test_blank_text_is_a_wrong_value_where_the_import_says_so(
    mapping: dict[str, object], policy: dict[str, str]
) -> None:
    result = mapped(mapping, ["", "a@b.co"], **policy)
    assert [rejection.code for rejection in result.rejections] == ["515"]
    assert result.blank_values == {}


def test_a_mapping_decides_for_itself() -> None:
    result = mapped({"property": "Email", "on_blank": "as_null"}, [""], on_blank="invalid")
    assert (result.rejections, result.blank_values) == ((), {"Email": 1})
