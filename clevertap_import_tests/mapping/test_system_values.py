"""Values of CleverTap's own properties: what is sent of booleans, words and constants."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from clevertap_import.mapping.column_types import config_problems
from clevertap_import.mapping.mapper import ColumnTypes, Mapped, Mapper
from clevertap_import.mapping.system_properties import GENDERS
from clevertap_import_tests.testing.builders import events_import, profiles_import
from clevertap_import_tests.testing.sent_records import sent

RUN_SECONDS = 1_793_500_000


def mapped(cells: pa.Array, source_type: str, **mapping: object) -> Mapped:
    rows = pa.record_batch({"ID": pa.array([f"u{place}" for place in range(len(cells))]), "C": cells})
    mapper = Mapper(profiles_import({"column": "C", **mapping}), RUN_SECONDS, ColumnTypes({"C": source_type}))
    return mapper.map(rows, np.zeros(len(cells), np.int64), 1)


def values(result: Mapped) -> list[Any]:
    return [next(iter(record["profileData"].values()), None) for record in sent(result)]


@pytest.mark.parametrize("name", ["Married", "Employed"])
def test_booleans_of_married_and_employed_become_y_and_n(name: str) -> None:
    result = mapped(pa.array([True, False, None]), "BOOLEAN", property=name)
    assert (values(result), result.rejections) == (["Y", "N", None], ())
    typed = mapped(pa.array(["1", "false", "TRUE", None]), "TEXT", property=name, type="boolean")
    assert values(typed) == ["Y", "N", "Y", None]
    variant = mapped(pa.array(["true", "false", "null"]), "VARIANT", property=name, type="boolean")
    assert values(variant) == ["Y", "N", None]


@pytest.mark.parametrize("name", ["Married", "Employed"])
def test_their_texts_are_y_and_n_as_before(name: str) -> None:
    result = mapped(pa.array(["Y", "N", "true"]), "TEXT", property=name)
    assert (values(result), [each.row_number for each in result.rejections]) == (["Y", "N"], [3])


def test_a_boolean_constant_of_married_is_y() -> None:
    config = profiles_import({"constant": True, "property": "Married"})
    assert list(config_problems(config)) == []
    rows = pa.record_batch({"ID": pa.array(["u"])})
    assert values(Mapper(config, RUN_SECONDS).map(rows, np.zeros(1, np.int64), 1)) == ["Y"]


def test_in_an_event_a_boolean_stays_one() -> None:
    config = events_import({"column": "C", "property": "Married"})
    at = pa.array([10**12], pa.timestamp("us"))
    rows = pa.record_batch({"ID": pa.array(["u"]), "AT": at, "C": pa.array([True])})
    (event,) = sent(Mapper(config, RUN_SECONDS).map(rows, np.zeros(1, np.int64), 1))
    assert event["evtData"] == {"Married": True}


def test_genders_that_clevertap_knows_somewhere_are_sent_as_they_are() -> None:
    words = [*GENDERS, *(word.swapcase() for word in GENDERS), "x", "man"]
    result = mapped(pa.array(words), "TEXT", property="Gender")
    assert values(result) == words[:-2]
    assert [rejection.code for rejection in result.rejections] == ["514", "514"]


def test_an_event_is_in_the_future_from_two_minutes_after_the_run_on() -> None:
    config = events_import()
    ahead = [None, 0, -86_400, 120, 121, 10 * 365 * 86_400]
    ticks = [None if each is None else (RUN_SECONDS + each) * 10**6 for each in ahead]
    rows = pa.record_batch({"ID": pa.array(["u"] * len(ahead)), "AT": pa.array(ticks, pa.timestamp("us"))})
    result = Mapper(config, RUN_SECONDS).map(rows, np.zeros(len(ahead), np.int64), 1)
    assert (result.future_events, result.records.num_rows) == (2, 5)
    assert mapped(pa.array(["a"]), "TEXT", property="City").future_events == 0
