"""Properties that CleverTap knows by name, and the values that it accepts for them."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from clevertap_import.config.target import EventsTarget, ProfilesTarget
from clevertap_import.mapping.rules import Violation, violation_if_any

EMAIL_TEXT = r"\A[^@\s\pZ]+@[^@\s\pZ]+\.[^@\s\pZ]+\z"
PHONE_TEXT = r"\A\+[1-9][0-9]{4,14}\z"
"""Plus, then more than four digits (Map Data for Import page). By E.164 there are at most 15, and no country
code begins with 0."""
AGE_TEXT = r"\A[0-9]{1,3}(\.[0-9]+)?\z"


GENDERS = ("M", "F", "O", "U", "male", "female", "others", "unknown")
"""The words that CleverTap's SDK for the web knows. The upload API page promises only M and F."""

SINGLE_VALUES = ("string", "integer", "long", "float", "boolean", "date")


@dataclass(frozen=True, slots=True)
class SystemProperty:
    """A property with rules of its own: its type, and which of its texts are wrong.

    Type None means that no rule is known: the type follows from the column, and only one value is accepted.
    `accepts` and `rejects` are examples of such texts; the rejected ones have `code`.
    """

    name: str
    type: str | None
    code: str | None = None
    is_right: Callable[[pa.StringArray], pa.BooleanArray] | None = None
    accepts: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()
    other_types: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """The types that a mapping may give it; the first is the default."""
        return (self.type, *self.other_types) if self.type else SINGLE_VALUES

    @property
    def is_yes_or_no(self) -> bool:
        """Whether booleans are written as Y and N."""
        return "boolean" in self.other_types

    def spelt(self, values: pa.Array) -> pa.Array:
        """Booleans in CleverTap's spelling for this property."""
        is_truth = self.is_yes_or_no and pa.types.is_boolean(values.type)
        return pc.if_else(values, "Y", "N") if is_truth else values

    def violations(self, values: pa.Array) -> list[Violation]:
        """Values that CleverTap would refuse. `values` are already encoded by the property's type."""
        if self.code is None or self.is_right is None:
            return []
        return violation_if_any(self.code, pc.invert(self.is_right(values.cast(pa.string()))))


def matching(pattern: str) -> Callable[[pa.StringArray], pa.BooleanArray]:
    return lambda texts: pc.match_substring_regex(texts, pattern)


def in_any_case(*words: str) -> Callable[[pa.StringArray], pa.BooleanArray]:
    is_one = one_of(*(word.lower() for word in words))
    return lambda texts: is_one(pc.utf8_lower(texts))


def one_of(*words: str) -> Callable[[pa.StringArray], pa.BooleanArray]:
    # is_in returns false for null, which would make every missing value wrong.
    return lambda texts: pc.if_else(pc.is_valid(texts), pc.is_in(texts, pa.array(words)), True)


ALL = (
    SystemProperty("Name", "string"),
    SystemProperty(
        *("Email", "string", "515", matching(EMAIL_TEXT)),
        accepts=("ann@example.com", "ann+tag@mail.example.co.in"),
        rejects=("1234", "ann at example", "ann@example"),
    ),
    SystemProperty(
        *("Phone", "string", "516", matching(PHONE_TEXT)),
        accepts=("+35922333232", "+12345"),
        rejects=("9876543210", "223", "+1234", "+09876543210", "+44+441234", "+44 1234567"),
    ),
    SystemProperty("Gender", "string", "514", in_any_case(*GENDERS), (*GENDERS, "f", "Male"), ("x", "woman")),
    SystemProperty("Employed", "string", "517", one_of("Y", "N"), ("Y", "N"), ("y", "yes"), ("boolean",)),
    SystemProperty(
        *("Education", "string", "518", one_of("School", "College", "Graduate")),
        accepts=("School", "College", "Graduate"),
        rejects=("college", "PhD"),
    ),
    SystemProperty("Married", "string", "519", one_of("Y", "N"), ("Y", "N"), ("n", "single"), ("boolean",)),
    SystemProperty(
        *("Age", "string", "520", matching(AGE_TEXT)),
        accepts=("18", "30.5"),
        rejects=("aa", "-1", "1000"),
        other_types=("integer", "long", "float"),
    ),
    SystemProperty("DOB", "date"),
    *(SystemProperty(name, "string") for name in ("Photo", "Timezone", "FBID", "GPID")),
    *(SystemProperty(name, None) for name in ("Birthday", "Customer Type")),
    SystemProperty("category-unsubscribe", "groups"),
    SystemProperty("category-resubscribe", "groups"),
    *(
        SystemProperty(name, "boolean")
        for name in (
            *("MSG-email", "MSG-push", "MSG-sms", "MSG-whatsapp"),
            *("MSG-dndEmail", "MSG-dndPhone", "MSG-dndWhatsApp"),
        )
    ),
)

CHARGED = "Charged"
"""The event of a purchase: the only one that accepts a list of objects in every account (Events page)."""

ITEMS = SystemProperty("Items", "items")
"""The property of a Charged event with the purchased items (Upload Events API page)."""


def own_property(target: ProfilesTarget | EventsTarget, name: str) -> SystemProperty | None:
    """CleverTap's rules for a property, by its name. In events only `Items` has rules."""
    if isinstance(target, ProfilesTarget):
        return SYSTEM_PROPERTIES.get(name)
    return ITEMS if name == ITEMS.name and target.event_name.constant == CHARGED else None


SYSTEM_PROPERTIES = {entry.name: entry for entry in ALL}
"""By name, in CleverTap's case-sensitive spelling. Sources: Upload User Profiles API, API Errors and User
Profiles pages, the names that its SDKs restrict (FBID, GPID, Birthday), and recorded answers."""
