"""The base of every model that is read from YAML: frozen, no unknown keys, problems in our own words."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from clevertap_import.errors import did_you_mean

REWORDED = "clevertap_import"
MAX_SHOWN_CHARS = 80

# What to write instead, by the name that pydantic gives the error. The words in braces come from the error.
WANTED: Mapping[str, str] = {
    "string_type": "text",
    "string_too_short": "some text",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "too_short": "at least {min_length} entry",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}


class Strict(BaseModel):
    """Frozen; refuses unknown keys; each of its errors says what is wrong and what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Reworded here, where the model is known, so that a message can list the keys it has."""
        try:
            return handler(value)
        except ValidationError as error:
            errors = [each for each in error.errors(include_url=False) if not _is_echo(each)]
            raise with_problems([_reworded(cls, each) for each in errors]) from None


def with_problems(problems: list[InitErrorDetails]) -> ValidationError:
    """One exception for several problems. Raised in a validator, it joins those of the other fields."""
    return ValidationError.from_exception_data("import", problems)


def problem_at(loc: tuple[int | str, ...], message: str) -> InitErrorDetails:
    """A problem at `loc`, relative to the value that is being validated."""
    ours = PydanticCustomError(REWORDED, "{message}", {"message": message})
    return {"type": ours, "loc": loc, "input": None}


def problems_of(error: ValidationError) -> list[InitErrorDetails]:
    """What `error` says, ready to be raised again together with other problems."""
    return [
        problem_at(each["loc"], each["msg"])
        if each["type"] == REWORDED
        else {"type": each["type"], "loc": each["loc"], "input": each["input"], "ctx": each.get("ctx", {})}
        for each in error.errors(include_url=False)
    ]


AFTER_SCHEME = re.compile(r"(?<=://).+", re.DOTALL)
"""Of an address, which may contain a password."""


def shown(value: object) -> str:
    """A configured value as the user wrote it in YAML; an address without what may be secret."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            value = AFTER_SCHEME.sub("...", value)
            return repr(value if len(value) <= MAX_SHOWN_CHARS else value[:MAX_SHOWN_CHARS] + "...")
        case date():
            return value.isoformat()
        case dict():
            return "a block of keys"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)


def not_a_key(key: object, allowed: tuple[str, ...]) -> str:
    return f"{key!r} is not a key here.{did_you_mean(str(key), allowed)} Allowed: {', '.join(allowed)}."


def not_one_of(subject: str, value: object, allowed: tuple[str, ...]) -> str:
    hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
    return f"{subject} is {shown(value)}.{hint} Allowed: {', '.join(allowed)}."


def _is_echo(error: ErrorDetails) -> bool:
    """Whether a list is called too short only because its entries have problems of their own."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _reworded(model: type[BaseModel], error: ErrorDetails) -> InitErrorDetails:
    loc, kind, context = error["loc"], error["type"], error.get("ctx", {})
    match kind:
        case "union_tag_invalid":
            allowed = _quoted(context["expected_tags"])
            return problem_at((*loc, "kind"), not_one_of("kind", error["input"]["kind"], allowed))
        case "union_tag_not_found":
            allowed = _tags(model, str(loc[-1]))
            return problem_at((*loc, "kind"), f"'kind' is missing. Allowed: {', '.join(allowed)}.")
        case _:
            return problem_at(loc, _message(model, error))


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    loc, kind, value, context = error["loc"], error["type"], error["input"], error.get("ctx", {})
    subject = loc[-1] if loc and isinstance(loc[-1], str) else "this"
    match kind:
        case str() if kind == REWORDED:
            return error["msg"]
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"{subject!r} is missing. {model.model_fields[str(subject)].description or ''}".rstrip()
        case "extra_forbidden" | "invalid_key":
            return not_a_key(subject, tuple(model.model_fields))
        case "literal_error":
            return not_one_of(subject, value, _quoted(context["expected"]))
        case "dict_type":
            return f"{shown(value)} is not a block of keys. Write a block: names, and a value for each."
        case "model_type" | "model_attributes_type":
            # With a loc it is a union of kinds; its other keys are unknown before its kind.
            keys = ("kind",) if loc else tuple(model.model_fields)
            return f"{shown(value)} is not a block of keys. Write a block with these keys: {', '.join(keys)}."
        case _:
            return _wanted(subject, kind, value, context)


def _wanted(subject: str, kind: str, value: object, context: Mapping[str, object]) -> str:
    limits = {key: f"{limit:,.10g}" for key, limit in context.items() if isinstance(limit, int | float)}
    wanted = WANTED.get(kind, "another value").format_map(limits)
    # YAML does not read an unquoted yes, 12 or 2026-01-01 as text.
    quotes = ", in quotes" if kind == "string_type" and isinstance(value, bool | int | float | date) else ""
    return f"{subject} is {shown(value)}. Write {wanted}{quotes}."


def _quoted(listing: str) -> tuple[str, ...]:
    """The values in pydantic's listing `'a', 'b' or 'c'`."""
    return tuple(re.findall(r"'([^']*)'", listing))


def _tags(model: type[BaseModel], field: str) -> tuple[str, ...]:
    """The kinds of a union, in the order of its definition."""
    schema = model.model_json_schema()["properties"][field]
    kinds = {reference: kind for kind, reference in schema["discriminator"]["mapping"].items()}
    return tuple(kinds[each["$ref"]] for each in schema["oneOf"])
