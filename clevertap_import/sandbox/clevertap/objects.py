"""Where CleverTap accepts objects: the items of a Charged event, and the subscription groups of a profile.

Both forms are from CleverTap's samples. Its answer to other forms is not documented; the fake refuses the
record, so that an object in the form of text is noticed.
"""

import json

OBJECT_KEYS = frozenset({"category-unsubscribe", "category-resubscribe"})
MAX_ITEMS = 256
CHARGED = "Charged"


def is_items(value: object) -> bool:
    """A list of at most 256 flat objects."""
    return isinstance(value, list) and len(value) <= MAX_ITEMS and all(map(_is_flat, value))


def is_groups(value: object) -> bool:
    """Lists of names by channel; CleverTap does not know channels in capitals."""
    return isinstance(value, dict) and all(
        channel == channel.lower()
        and isinstance(names, list)
        and all(isinstance(each, str) for each in names)
        for channel, names in value.items()
    )


def is_object_text(value: object) -> bool:
    """A text that is the JSON of an object or a list."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_flat(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(value, str | int | float) for value in item.values())
