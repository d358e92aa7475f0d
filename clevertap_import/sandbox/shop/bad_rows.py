"""The bad rows of the seeded shop: every row that is wrong, or only looks wrong, and why it is there."""

from dataclasses import dataclass, field
from datetime import timedelta

FINE = "fine"
SUPERSEDED = "superseded"
EQUAL = "equal"
FUTURE = "future"

Value = str | bool | int | float | None | timedelta


@dataclass(frozen=True)
class BadRows:
    """One bad row. `code` is CleverTap's number, or a word: value_too_long, not_finite, superseded, ...

    `key` is the CUSTOMER_ID or EVENT_ID in the table. A timedelta means that time after `now`.
    """

    table: str
    key: str | None
    reason: str
    code: str
    column: str
    value: Value
    also: dict[str, Value] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Value]:
        """The values that differ from an ordinary row."""
        key_column = "CUSTOMER_ID" if self.table == "CUSTOMERS" else "EVENT_ID"
        return {key_column: self.key, **self.also, self.column: self.value}


def _customer(
    key: str | None, reason: str, code: str, column: str, value: Value, also: dict[str, Value] | None = None
) -> BadRows:
    return BadRows("CUSTOMERS", key, reason, code, column, value, also or {})


def _identity(key: str | None, reason: str) -> BadRows:
    return _customer(key, reason, "523", "CUSTOMER_ID", key)


def _event(
    key: str, reason: str, code: str, column: str, value: Value, also: dict[str, Value] | None = None
) -> BadRows:
    return BadRows("PRODUCT_EVENTS", key, reason, code, column, value, also or {})


_TWICE: dict[str, Value] = {"CUSTOMER_ID": "C000042", "UPDATED_AT": -timedelta(days=2)}

DIRT: tuple[BadRows, ...] = (
    _identity(None, "a guest checkout has no customer id"),
    _identity("   ", "a form sent blanks for the id"),
    _identity("null", "an export wrote NULL as text, which CleverTap treats as a placeholder"),
    _identity("N/A", "placeholders are refused in capitals too"),
    _identity("C" * 1025, "one character over CleverTap's limit for an identity"),
    _customer("D-EMAIL-1", "an address without an @", "515", "EMAIL_ID", "anna.example.com"),
    _customer("D-EMAIL-2", "digits in the place of an address", "515", "EMAIL_ID", "1234"),
    _customer("D-PHONE-1", "a number without the country's +", "516", "PHONE", "9876543210"),
    _customer("D-PHONE-2", "only three digits", "516", "PHONE", "+223"),
    _customer("D-PHONE-3", "a second + inside", "516", "PHONE", "+44+441234"),
    _customer("D-GENDER-1", "a gender that CleverTap does not know", "514", "GENDER", "X"),
    _customer("D-LONG-1", "one byte over CleverTap's limit for a value", "value_too_long", "CITY", "x" * 513),
    _customer("D-LONG-2", "257 characters, but 514 bytes", "value_too_long", "CITY", "é" * 257),
    _customer("D-SCORE-1", "a mean over no orders", "not_finite", "SCORE", "NaN"),
    _customer("D-SCORE-2", "a division by zero visits", "not_finite", "SCORE", "Infinity"),
    _customer(
        "D-TWICE-1", "an older version of the same customer", SUPERSEDED, "UPDATED_AT", -timedelta(days=20)
    ),
    _customer("D-TWICE-1", "the newer version, which is imported", FINE, "UPDATED_AT", -timedelta(days=10)),
    _customer("D-STAMP-1", "loaded by hand, without an update time", FINE, "UPDATED_AT", None),
    _customer(
        "D-STAMP-2", "written by a machine whose clock is ahead", FUTURE, "UPDATED_AT", timedelta(days=3)
    ),
    _customer("D-NAME-1", "an emoji of four bytes", FINE, "NAME", "\U0001f680"),
    _customer("D-NAME-2", "quotes of both kinds and a backslash", FINE, "NAME", 'O\'Neil "The\\Boss"'),
    _customer(
        "D-NAME-3", "an address label with a newline and a tab", FINE, "NAME", "Line one\nLine two\tend"
    ),
    _customer("D-BIRTH-1", "born before 1970: negative epoch seconds", FINE, "BIRTHDAY", "1930-01-01"),
    _event("D-EVENT-1", "a visitor who was not logged in", "523", "CUSTOMER_ID", None),
    _event("D-EVENT-2", "a double click, written twice", EQUAL, "EVENT_NAME", "Product Viewed", _TWICE),
    _event("D-EVENT-2", "a double click, written twice", EQUAL, "EVENT_NAME", "Product Viewed", _TWICE),
)
