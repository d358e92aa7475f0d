"""The shape of JSON: its keys, and the kinds of its values, without the values."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

NULL = "null"


def shape_of(value: object) -> Any:  # noqa: ANN401 - nested as the JSON is
    """Objects as `{key: shape}`, lists as `[shape of the items]`, all else as the name of its kind."""
    match value:
        case dict():
            return {key: shape_of(each) for key, each in value.items()}
        case list():
            return [common([shape_of(each) for each in value])] if value else []
        case None:
            return NULL
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case _:
            return text_kind(str(value))


def text_kind(text: str) -> str:
    """A time says its zone; a day has none."""
    try:
        date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return "day"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return "text"
    return "time" if found.tzinfo is None else "time with zone"


def common(shapes: Sequence[Any]) -> Any:  # noqa: ANN401 - nested as the JSON is
    """One shape for all: keys of any, kinds of any."""
    objects = [each for each in shapes if isinstance(each, dict)]
    if objects:
        assert all(isinstance(each, dict) or each == NULL for each in shapes)
        keys = dict.fromkeys(key for each in objects for key in each)
        return {key: common([each[key] for each in objects if key in each]) for key in keys}
    lists = [each for each in shapes if isinstance(each, list)]
    if lists:
        assert len(lists) == len(shapes)
        items = [item for each in lists for item in each]
        return [common(items)] if items else []
    return " | ".join(sorted({word for each in shapes for word in each.split(" | ")}))
