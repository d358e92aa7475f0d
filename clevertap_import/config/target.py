"""The target of an import: which columns become which part of a profile or an event."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import InitErrorDetails

from clevertap_import.config.field_types import Zone
from clevertap_import.config.strict_model import Strict, problem_at, problems_of, shown, with_problems

PropertyType = Literal["string", "integer", "long", "float", "boolean", "date", "list", "items", "groups"]
OnNull = Literal["skip", "delete"]
OnBlank = Literal["as_null", "invalid"]
DateFormat = Literal[
    "iso8601",
    "epoch_seconds",
    "epoch_milliseconds",
    "clevertap",
    "dd/MM/yyyy HH:mm:ss",
    "MM/dd/yyyy HH:mm:ss",
    "yyyy/dd/MM HH:mm:ss",
    "yyyy/MM/dd HH:mm:ss",
    "dd MMM yyyy HH:mm:ss",
    "dd/MM/yyyy",
    "MM/dd/yyyy",
    "yyyy/dd/MM",
    "yyyy/MM/dd",
    "ddMMMyyyy",
    "dd MMM yyyy",
]

Text = Annotated[str, Field(min_length=1)]
Scalar = str | int | float | bool


class Column(Strict):
    """A value taken from a column."""

    column: Text = Field(description="The column with the value.", examples=["CUSTOMER_ID"])


class CreatedOn(Column):
    """When an event happened."""

    format: DateFormat | None = Field(
        None,
        description="How the column writes a moment; not needed for DATE and TIMESTAMP columns.",
        examples=["epoch_seconds"],
    )
    timezone: Zone | None = Field(
        None,
        description="The zone of moments without a zone; default: that of updated_on, or UTC.",
        examples=["Asia/Kolkata"],
    )


class ColumnOrConstant(Strict):
    """A value taken from a column, or the same for every row. One of the two is given."""

    column: Text | None = Field(None, description="The column with the value.", examples=["EMAIL_ID"])
    constant: Scalar | None = Field(
        None,
        validate_default=True,
        description="A value that is the same for every row.",
        examples=["warehouse"],
    )

    @field_validator("constant", mode="before")
    @classmethod
    def _one_of_the_two(cls, constant: object, info: ValidationInfo) -> object:
        if not isinstance(constant, Scalar | None):
            raise ValueError(f"constant is {shown(constant)}. Write text, a number, true or false.")
        if "column" in info.data:
            exactly_one(column=info.data["column"], constant=constant)
        return constant


class EventName(ColumnOrConstant):
    """The name of the events: one for all rows, or one in each row."""

    @field_validator("constant")
    @classmethod
    def _is_text(cls, constant: Scalar | None) -> Scalar | None:
        if constant is not None and (not isinstance(constant, str) or not constant):
            raise ValueError(f"constant is {shown(constant)}. An event's name is text; write it in quotes.")
        return constant


class PropertyMapping(ColumnOrConstant):
    """One property, and where its value comes from."""

    property: Text = Field(description="The property in CleverTap that gets the value.", examples=["Email"])
    type: PropertyType | None = Field(
        None,
        description="The type with which values are checked and sent; default: that of the column.",
        examples=["integer"],
    )
    format: DateFormat | None = Field(
        None,
        description="How the column writes dates; not needed for DATE and TIMESTAMP. Only with type date.",
        examples=["dd/MM/yyyy"],
    )
    timezone: Zone | None = Field(
        None,
        description="The zone of dates without a zone; default: that of updated_on, or UTC. "
        "Only with type date, or without a type.",
        examples=["Asia/Kolkata"],
    )
    operation: Literal["set", "add", "remove"] | None = Field(
        None,
        description="Whether the values replace the profile's list, are added to it or removed from it; "
        "default: they replace it. Only with type list.",
        examples=["add"],
    )
    on_null: OnNull | None = Field(
        None,
        description="What NULL does: skip does not change the property, delete removes it; "
        "default: the import's on_null.",
        examples=["delete"],
    )
    on_blank: OnBlank | None = Field(
        None,
        description="What empty text or only white space does; default: the import's on_blank. "
        "In string properties of your own it is normal text.",
        examples=["invalid"],
    )
    custom: bool = Field(
        False,
        description="Whether a name that is similar to one of CleverTap's own, such as email, is intended. "
        "Only in profiles.",
        examples=[True],
    )

    @field_validator("format", "timezone", "operation")
    @classmethod
    def _suits_the_type(cls, value: str | None, info: ValidationInfo) -> str | None:
        allowed = {"format": ("date",), "timezone": ("date", None), "operation": ("list",)}[
            str(info.field_name)
        ]
        if value is not None and "type" in info.data and info.data["type"] not in allowed:
            given = info.data["type"]
            found = f"type is {given!r}" if given else "no type is given"
            raise ValueError(f"{info.field_name!r} is only for type: {allowed[0]}; here {found}.")
        return value


class Target(Strict):
    """The common keys of profiles and events."""

    identity: Column | None = Field(
        None,
        description="The column with your own identifier of the person. Either this or clevertap_id.",
        examples=[{"column": "CUSTOMER_ID"}],
    )
    clevertap_id: Column | None = Field(
        None,
        validate_default=True,
        description="The column with the id that CleverTap gave the profile. Either this or identity.",
        examples=[{"column": "CT_ID"}],
    )
    properties: tuple[PropertyMapping, ...] = Field(
        (),
        description="The properties to send; each gets its value from one column or constant.",
        examples=[[{"column": "EMAIL_ID", "property": "Email"}]],
    )

    @field_validator("clevertap_id")
    @classmethod
    def _one_of_the_two(cls, clevertap_id: Column | None, info: ValidationInfo) -> Column | None:
        if "identity" in info.data:
            exactly_one(identity=info.data["identity"], clevertap_id=clevertap_id)
        return clevertap_id

    @field_validator("properties", mode="wrap")
    @classmethod
    def _each_once(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        """Two entries for one property are reported together with the other problems of the entries."""
        repeats = _repeats(value)
        try:
            mappings = handler(value)
        except ValidationError as error:
            raise with_problems(problems_of(error) + repeats) from None
        if repeats:
            raise with_problems(repeats)
        return mappings

    @property
    def identity_column(self) -> str:
        return next(given.column for given in (self.identity, self.clevertap_id) if given)

    @property
    def other_columns(self) -> tuple[str, ...]:
        """The columns besides the identity's, in the order of the YAML."""
        return tuple(mapping.column for mapping in self.properties if mapping.column)


class ProfilesTarget(Target):
    """Rows become user profiles."""

    kind: Literal["profiles"] = Field(
        "profiles", description="Creates and updates user profiles.", examples=["profiles"]
    )


class EventsTarget(Target):
    """Rows become events."""

    kind: Literal["events"] = Field("events", description="Adds events to profiles.", examples=["events"])
    event_name: EventName = Field(
        description="The name of the events: a constant for all rows, or a column.",
        examples=[{"constant": "Product Viewed"}, {"column": "EVENT_NAME"}],
    )
    created_on: CreatedOn | None = Field(
        None,
        description="The column with the time of the event; default: the time of the run.",
        examples=[{"column": "OCCURRED_AT"}],
    )

    @property
    def other_columns(self) -> tuple[str, ...]:
        named = (self.created_on and self.created_on.column, self.event_name.column)
        return (*(column for column in named if column), *super().other_columns)


def exactly_one(**given: object) -> None:
    (first, one), (second, other) = given.items()
    if one is not None and other is not None:
        raise ValueError(f"{first!r} and {second!r} are both given. Keep one of them.")
    if one is None and other is None:
        raise ValueError(f"{first!r} or {second!r} is missing. Give one of them.")


def _repeats(value: object) -> list[InitErrorDetails]:
    """A problem for each entry whose property an earlier one has. Takes raw entries as well as models."""
    first_by_property: dict[object, str] = {}
    problems = []
    for index, entry in enumerate(value if isinstance(value, list | tuple) else ()):
        mapping = dict(entry) if isinstance(entry, PropertyMapping | dict) else {}
        name, source = mapping.get("property"), _source(mapping)
        if not isinstance(name, str):
            continue
        if name in first_by_property:
            message = (
                f"{name!r} is given twice: by {first_by_property[name]} and by {source}. Keep one of them."
            )
            problems.append(problem_at((index, "property"), message))
        first_by_property.setdefault(name, source)
    return problems


def _source(mapping: Mapping[str, object]) -> str:
    if mapping.get("column") is not None:
        return f"column {shown(mapping['column'])}"
    return f"constant {shown(mapping.get('constant'))}"
