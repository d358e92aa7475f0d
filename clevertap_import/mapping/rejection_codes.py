"""All reasons why a row is not imported: CleverTap's number if there is one, otherwise a word of ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One reason. `check` is the asset check that reports it; `example` a value, `remedy` what to do."""

    code: str
    check: str
    reason: str
    example: str
    remedy: str


ALL = (
    Code(
        "523",
        "identity",
        "identity is missing, blank, a placeholder such as 'null', or over 1,024 characters",
        "NULL, `n/a`, `0`",
        "Filter such rows out in the source, or map a column that names the person.",
    ),
    Code(
        "526",
        "identity",
        "CleverTap ID has a character other than letters, digits and ( ) ! : @ $ _ -, or over 64 characters",
        "`id 7`",
        "Map the id that CleverTap assigned; your own ids are an `identity`.",
    ),
    Code(
        "509",
        "limits",
        "event name is missing or blank",
        "NULL",
        "Fill the column, or write the name as a constant.",
    ),
    Code(
        "512",
        "clevertap",
        "CleverTap says that the event's structure is wrong",
        "`evtData` that is not an object",
        "Look at the record with `preview`; remove properties one by one.",
    ),
    Code(
        "513",
        "limits",
        "event name is reserved by CleverTap, in any case and with any spaces",
        "`App Launched`",
        "Choose another name for the event.",
    ),
    Code(
        "514",
        "mapping",
        "Gender is not one of M, F, O, U, male, female, others, unknown",
        "`x`",
        "Convert the column's words to these in SQL. If CleverTap refuses one of them, use M and F.",
    ),
    Code(
        "515",
        "mapping",
        "Email does not look like an address",
        "`ann at example`",
        "Correct the address in the source.",
    ),
    Code(
        "516",
        "mapping",
        "Phone is not + and at least five digits, beginning with a country code, which is never 0",
        "`9876543210`",
        "Put + and the country code before the number in SQL.",
    ),
    Code("517", "mapping", "Employed is neither Y nor N", "`yes`", "Convert the words to Y and N in SQL."),
    Code(
        "518",
        "mapping",
        "Education is not one of School, College, Graduate",
        "`PhD`",
        "Convert the column's words to these three in SQL.",
    ),
    Code(
        "519",
        "mapping",
        "Married is neither Y nor N",
        "`single`",
        "Convert the words to Y and N in SQL.",
    ),
    Code(
        "520",
        "mapping",
        "Age is not a number from 0 to 999",
        "`old`",
        "Map a number, or a date of birth to DOB.",
    ),
    Code(
        "522",
        "clevertap",
        "CleverTap says that the event has more properties than the account allows",
        "101 properties",
        "Map fewer properties, or ask CleverTap for more.",
    ),
    Code(
        "524",
        "clevertap",
        "CleverTap says that the record is neither an event nor a profile",
        "a record of another type",
        "Report it to us.",
    ),
    Code(
        "525",
        "mapping",
        "event time is missing, or not after 1970",
        "NULL",
        "Fill the column, or leave `created_on` out to use the time of the run.",
    ),
    Code(
        "528",
        "clevertap",
        "CleverTap says that the event was discarded in its schema",
        "an event discarded in the schema",
        "Restore the event in CleverTap's schema, or filter such rows out.",
    ),
    Code(
        "555",
        "clevertap",
        "CleverTap had a temporary fault",
        "none: the record may be correct",
        "Run again; only missing records are sent.",
    ),
    Code(
        "400",
        "clevertap",
        "CleverTap refuses any request that contains this record as malformed",
        "none is known",
        "Look at the record with `preview`; remove properties one by one.",
    ),
    Code("not_an_integer", "mapping", "not a whole number", "`12.5`", "Use type float, or round in SQL."),
    Code(
        "not_a_number", "mapping", "not a number", "`1,5`", "Use type string, or write plain digits in SQL."
    ),
    Code(
        "not_finite",
        "mapping",
        "NaN or infinite, which JSON cannot represent",
        "`NaN`",
        "Convert such values to NULL in SQL.",
    ),
    Code(
        "number_too_large",
        "mapping",
        "a whole number beyond 64 bits",
        "`9223372036854775808`",
        "Use type string: such numbers are usually ids, not amounts.",
    ),
    Code(
        "not_a_boolean",
        "mapping",
        "not one of true, false, 1, 0",
        "`yes`",
        "Compare in SQL, such as `FLAG = 'yes'`.",
    ),
    Code(
        "not_a_date",
        "mapping",
        "not a date in the given format",
        "`2024-02-30`",
        "Write the `format` of the column, or cast it to a DATE or TIMESTAMP in SQL.",
    ),
    Code(
        "date_out_of_range",
        "mapping",
        "a date outside the years 1 to 9999",
        "the year 56302: milliseconds read as seconds",
        "Divide the number by 1,000 in SQL, or map it with `format: epoch_milliseconds`.",
    ),
    Code(
        "not_a_list",
        "mapping",
        "not a JSON list of texts, numbers or booleans",
        '`{"a": 1}`',
        "Build an ARRAY in SQL.",
    ),
    Code(
        "not_items",
        "mapping",
        "Items of Charged must be a JSON list of flat objects",
        '`{"sku": "A7"}`',
        "Build an ARRAY of OBJECTs in SQL, such as `ARRAY_CONSTRUCT(ITEM)`; `type: items` reads JSON text.",
    ),
    Code(
        "item_not_flat",
        "mapping",
        "not an object of texts, numbers and booleans",
        '`["A7"]`, `[{"a": [1]}]`',
        "Build each item in SQL with `OBJECT_CONSTRUCT` of plain values.",
    ),
    Code(
        "item_name",
        "limits",
        "the name of a value is blank, over 120 bytes, or has one of % > < ! | & . : ; $ ' \" \\ #",
        '`[{"a.b": 1}]`',
        "Name the values of an item in SQL with `OBJECT_CONSTRUCT`.",
    ),
    Code(
        "items_elsewhere",
        "limits",
        "Items as a list of objects in an event that is not named Charged",
        '`[{"sku": "A7"}]`',
        "Make the column NULL for other events in SQL, or name the event Charged, in this spelling.",
    ),
    Code(
        "not_groups",
        "mapping",
        "not an object of lists of names by channel, with channels in small letters",
        '`{"email": "Marketing"}`, `{"Email": ["Marketing"]}`',
        "Build the OBJECT in SQL, such as `OBJECT_CONSTRUCT('email', ARRAY_CONSTRUCT('Marketing'))`.",
    ),
    Code(
        "repeated_name",
        "mapping",
        "a JSON object with the same name twice: only one of the values could be sent",
        '`{"email": ["Offers"], "email": ["Marketing"]}`',
        "Write each name once: build the object in SQL with `OBJECT_CONSTRUCT`.",
    ),
    Code(
        "not_a_value",
        "mapping",
        "an object or a list, where CleverTap accepts one value",
        '`{"a": 1}`',
        "Select the value in SQL, such as `NOTE:city`; `type: list` sends a list, `type: string` the JSON.",
    ),
    Code(
        "too_many_items",
        "limits",
        "a list of more than 100 items, or Items of Charged with more than 256",
        "101 items",
        "Select the most important items in SQL, such as `ARRAY_SLICE(TAGS, 0, 100)`.",
    ),
    Code(
        "value_too_long",
        "limits",
        "over 512 bytes of text",
        "513 letters",
        "Shorten the text in SQL, such as `LEFT(NOTE, 128)`.",
    ),
    Code(
        "date_marker",
        "limits",
        "text that begins with $D_, which CleverTap reads as a date",
        "`$D_7`",
        "Use type date.",
    ),
    Code(
        "forbidden_character",
        "limits",
        "event name has one of % > < ! | & . : ; $ ' \" \\ #",
        "`Sale: 50%`",
        "Replace the character in SQL.",
    ),
    Code(
        "name_too_long",
        "limits",
        "event name of more than 512 bytes",
        "513 letters",
        "Shorten the name in SQL.",
    ),
    Code(
        "not_unicode",
        "mapping",
        "text that is not Unicode",
        "half a surrogate pair",
        "Correct the text in the source.",
    ),
)

CODES = {entry.code: entry for entry in ALL}


def remedy_of(code: str | None) -> str:
    """What to do about a code; empty for a code that CleverTap has not documented."""
    found = CODES.get(code) if code else None
    return found.remedy if found else ""
