"""Names of properties that differ only slightly from CleverTap's own.

In CleverTap names differ by case and by every space. So `MSG-SMS` would be a new property, and an opt-out
that is sent under this name has no effect.
"""

import unicodedata
from difflib import get_close_matches

from clevertap_import.mapping.blanks import BLANKS
from clevertap_import.mapping.system_properties import SYSTEM_PROPERTIES

OWN_NAMES = tuple(SYSTEM_PROPERTIES)

MESSAGE_SWITCHES = tuple(name for name in OWN_NAMES if name.startswith("MSG-"))

MESSAGE_PREFIX = "msg-"

SWITCH_STEMS = ("msgdnd", "msg")
"""Folded, the longer one first: do not disturb, and the consent to messages."""

OTHER_SPELLINGS = {
    "emailaddress": "Email",
    "emailid": "Email",
    "phonenumber": "Phone",
    "dateofbirth": "DOB",
    "birthdate": "DOB",
    "tz": "Timezone",
    "facebookid": "FBID",
    "msgdndsms": "MSG-dndPhone",
}
"""Folded. The last is the spelling of CleverTap's page on SFTP imports (Quick Setup page: MSG-dndPhone)."""


DASHES = ("Pd", "Pc")
"""Categories of Unicode: all kinds of dashes, as word processors write them, and underscores."""


def without_blanks(name: str) -> str:
    """A name in small letters, without blanks, with hyphens for dashes and underscores, and plain for wide
    letters."""
    plain = unicodedata.normalize("NFKC", BLANKS.sub("", name)).casefold()
    return "".join("-" if unicodedata.category(letter) in DASHES else letter for letter in plain)


def folded(name: str) -> str:
    """A name in small letters, and without the blanks, hyphens and underscores between its words."""
    return without_blanks(name).replace("-", "")


BY_FOLDED_NAME = {**OTHER_SPELLINGS, **{folded(name): name for name in OWN_NAMES}}


def is_nearly(name: str, own: str) -> bool:
    return name != own and folded(name) == folded(own)


INSIST = "or add custom: true, if you mean a property of your own."


def nearly_problem(name: str, meant: str) -> str:
    return f"{name!r} would be a new property, not CleverTap's own {meant!r}. Write {meant}, {INSIST}"


def nearly_own(name: str) -> str | None:
    """CleverTap's own name that `name` resembles; None if it is one of them, or resembles none."""
    return None if name in OWN_NAMES else BY_FOLDED_NAME.get(folded(name))


def switch_hint(name: str) -> str:
    """The switch that was probably meant, by its channel: never one of the opposite meaning."""
    stem = stem_of(name)
    channels = {
        folded(switch).removeprefix(stem): switch
        for switch in MESSAGE_SWITCHES
        if stem_of(folded(switch)) == stem
    }
    near = get_close_matches(name.removeprefix(stem), channels, n=1)
    return f" Did you mean {channels[near[0]]!r}?" if near else ""


def stem_of(switch: str) -> str:
    return next(stem for stem in SWITCH_STEMS if switch.startswith(stem))


def own_name_problem(name: str) -> str | None:
    """The problem of `name` as a profile property, if it resembles one of CleverTap's own names."""
    if name in OWN_NAMES:
        return None
    meant = nearly_own(name)
    if meant:
        return nearly_problem(name, meant)
    if without_blanks(name).startswith(MESSAGE_PREFIX):
        known = ", ".join(MESSAGE_SWITCHES)
        hint = switch_hint(folded(name))
        no_switch = f"{name!r} is not one of CleverTap's switches for messages.{hint}"
        return f"{no_switch} CleverTap has {known}. Write one of them, {INSIST}"
    return None
