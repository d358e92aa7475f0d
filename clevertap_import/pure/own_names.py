"""Names of properties that almost are CleverTap's own.

CleverTap tells names apart by case and by every space. So `MSG-SMS` would be a new property, and an opt-out
that is sent under this name lands nowhere.
"""

from clevertap_import.pure.blanks import BLANKS
from clevertap_import.pure.errors import did_you_mean
from clevertap_import.pure.system_properties import SYSTEM_PROPERTIES

OWN_NAMES = tuple(SYSTEM_PROPERTIES)

MESSAGE_SWITCHES = tuple(name for name in OWN_NAMES if name.startswith("MSG-"))

MESSAGE_PREFIX = "msg-"

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
"""Folded. The last is how CleverTap's page of imports by SFTP writes it (Quick Setup page: MSG-dndPhone)."""


def folded(name: str) -> str:
    """A name without case, and without the blanks, hyphens and underscores between its words."""
    return BLANKS.sub("", name).replace("-", "").replace("_", "").casefold()


BY_FOLDED_NAME = {**OTHER_SPELLINGS, **{folded(name): name for name in OWN_NAMES}}


def nearly_own(name: str) -> str | None:
    """The one of CleverTap's own names that `name` almost is; None if it is one, or like none."""
    return None if name in OWN_NAMES else BY_FOLDED_NAME.get(folded(name))


def own_name_problem(name: str) -> str | None:
    """What is wrong with `name` as a property of a profile, if it can be taken for one of CleverTap's own."""
    if name in OWN_NAMES:
        return None
    insist = "or add custom: true, if a property of your own is meant."
    meant = nearly_own(name)
    if meant:
        return (
            f"{name!r} is not CleverTap's own {meant!r}, but would be a new property. Write {meant}, {insist}"
        )
    if BLANKS.sub("", name).casefold().startswith(MESSAGE_PREFIX):
        known = ", ".join(MESSAGE_SWITCHES)
        hint = did_you_mean(name, MESSAGE_SWITCHES)
        no_switch = f"{name!r} is none of CleverTap's switches for messages.{hint}"
        return f"{no_switch} It has {known}. Write one, {insist}"
    return None
