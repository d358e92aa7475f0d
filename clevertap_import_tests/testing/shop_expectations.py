"""What CleverTap should hold of chosen rows of the seeded shop. Written by hand: no code of ours made it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]

# Identity, Name, Email before its @example.com, Phone behind its +91, Gender, DOB, Points, Balance, Score,
# VIP, MSG-email, City. An empty cell is NULL in Snowflake, so that CleverTap has no such property.
CUSTOMERS = """\
C000000|Priya Nguyễn|shopper0|7000000000|F|1935-06-07|32587|4872.92|35.76696|no|no|St. John's
C000001|Ngũgĩ García|shopper1|7000000001|M|1977-09-09|34035|23486.91|45.1115|no|yes|Denver
C000002|Priya Müller|shopper2|7000000002|M|1968-09-17|8277|17864.45|55.715457|no|yes|東京
C000003|Zoë O'Brien|shopper3|7000000003|M|1968-02-10|44277|923.57|81.334474|no|no|Bengaluru
C000004|Łukasz de la Cruz|shopper4|7000000004|F|1984-02-05|30008|16776.49|39.348333|no|no|Łódź
C000005|Siân Rao|shopper5|7000000005|M|1971-12-25|18713|42318.05|5.254958|no|yes|Bengaluru
C000006|Ngũgĩ García|shopper6|7000000006|M||32458|40936.86|7.940217|no|yes|São Paulo
C000007|Asha Øst||7000000007|F|1945-08-06|39573|49139.81|6.505537|no|yes|Zürich
C000012|Мария Nguyễn|shopper12|7000000012|M|1985-11-05|28906|39933.48|77.71423|yes|no|Łódź
C000014|李 Nguyễn|shopper14|7000000014|M|1968-06-19|29182|9081.72|24.469462|no|yes|Köln
C000025|Ngũgĩ Nguyễn|shopper25|7000000025||1982-03-06|1807|20066.72|49.425581|no|yes|東京
C000036|Jürgen Müller|shopper36|7000000036|M|1965-03-20|96|30435.92|57.582822|no|no|Denver
C000039|Siân de la Cruz||7000000039|M|1961-07-30|11080|44812.8|91.383222|yes|no|東京
C000041|אבי de la Cruz|shopper41||M|2001-03-31|49130|27908.0|20.547497|no|yes|São Paulo
C000042|Asha Smith "Sam"|shopper42|7000000042|F||17056|22767.99|90.270387|no|yes|St. John's
C000209|D'Arcy Smith "Sam"|shopper209|7000000209|F|1945-10-13|42146|39132.51|13.969459|no|no|St. John's
C002999|Łukasz Iyer|shopper2999|7000002999|M|1979-12-30|28919|3947.29|41.733489|no|no|東京
"""


def day(text: str) -> str:
    """A day as CleverTap wants it: `$D_` and the epoch seconds of its midnight in UTC, also before 1970."""
    return f"$D_{int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())}"


def customer(line: str) -> tuple[str, Record]:
    identity, *cells = line.split("|")
    reads: dict[str, Callable[[str], object]] = {
        "Email": "{}@example.com".format,
        "Phone": "+91{}".format,
        "DOB": day,
        "Points": int,
        "Balance": float,
        "Score": float,
        "VIP": is_yes,
        "MSG-email": is_yes,
    }
    names = (
        "Name",
        "Email",
        "Phone",
        "Gender",
        "DOB",
        "Points",
        "Balance",
        "Score",
        "VIP",
        "MSG-email",
        "City",
    )
    named = zip(names, cells, strict=True)
    return identity, {name: reads.get(name, str)(cell) for name, cell in named if cell} | {
        "Source": "warehouse"
    }


def is_yes(word: str) -> bool:
    return {"yes": True, "no": False}[word]


CLEAN: dict[str, Record] = dict(map(customer, CUSTOMERS.splitlines()))


def dirty(number: int, **own: str) -> Record:
    """Of a row that only looks wrong: what the dirty rows share, and what is its own."""
    usual = f'|Asha Smith "Sam"|shopper{number}|700000{number}|F|1965-05-10'
    return customer(f"{usual}|32017|7581.7|13.630514|no|yes|Denver")[1] | own


FINE_DIRT: dict[str, Record] = {
    "D-TWICE-1": dirty(3016),
    "D-STAMP-1": dirty(3017),
    "D-NAME-1": dirty(3019, Name="🚀"),
    "D-NAME-2": dirty(3020, Name='O\'Neil "The\\Boss"'),
    "D-NAME-3": dirty(3021, Name="Line one\nLine two\tend"),
    "D-BIRTH-1": dirty(3022, DOB="$D_-1262304000"),
}

# Orders and Spent, as an accountant would add them up.
TOTALS = {
    "C000000": (3, 784.01),
    "C000003": (2, 881.72),
    "C000004": (1, 285.73),
    "C000005": (6, 4197.31),
    "C000006": (2, 1323.31),
    "C000012": (1, 642.45),
    "C000014": (3, 989.04),
    "C000036": (2, 1501.8),
    "C000039": (1, 560.77),
}

# Of the first events: identity, name, Product, Category, Price, Quantity, On Sale.
EVENTS = {
    "E000000": ("C002596", "Product Viewed", "Rucksack", "Outdoor", 89.95, 4, False),
    "E000001": ("C000371", "Purchased", 'Monitor 27"', "Electronics", 219.99, 4, True),
    "E000002": ("C002130", "Product Viewed", "Café au Lait Bowl", "Kitchen", 12.5, 2, False),
    "E000003": ("C001918", "Product Viewed", "Rucksack", "Outdoor", 89.95, 3, False),
    "E000004": ("C001235", "Added To Cart", "Rucksack", "Outdoor", 89.95, 1, False),
    "E000005": ("C002989", "Purchased", 'Monitor 27"', "Electronics", 219.99, 1, True),
}
