"""Keys of Dagster assets that an asset may come after."""

import keyword
import re

KEY_TEXT = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
RESERVED = {
    *("context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"),
    *("int", "str", "float", "bool", "input", "output", "type", *keyword.kwlist),
}
"""Names that Dagster allows for no input (its DISALLOWED_NAMES): it makes an input of each such key."""

IMPORT_CENTER = "import_center"
"""The name of the asset that shows all imports; no import can have it."""


def is_asset_key(key: str) -> bool:
    """Whether Dagster accepts it, with / between its parts, as the key of an upstream asset."""
    return bool(KEY_TEXT.fullmatch(key)) and input_name(key.split("/")) not in RESERVED


def input_name(parts: list[str]) -> str:
    """The name of the input that Dagster makes of a key."""
    return re.sub(r"[.-]", "_", "_".join(parts))
