"""The rows of the seeded shop: the same for the same seed and `now`, made without a clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from clevertap_import.sandbox.shop.bad_rows import DIRT, Value

SEED = 20_261_101
DAYS = 90
RECENT_SHARE = 0.02
RECENT_HOURS = 6

Row = list[object]


@dataclass(frozen=True)
class Table:
    """A table of the shop. The first column is its key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


CUSTOMERS = Table(
    "CUSTOMERS",
    (
        ("CUSTOMER_ID", "varchar"),
        ("NAME", "varchar"),
        ("EMAIL_ID", "varchar"),
        ("PHONE", "varchar"),
        ("GENDER", "varchar"),
        ("BIRTHDAY", "date"),
        ("SIGNED_UP", "timestamp_ntz"),
        ("POINTS", "number(38,0)"),
        ("BALANCE", "number(12,2)"),
        ("SCORE", "float"),
        ("IS_VIP", "boolean"),
        ("OPT_IN_EMAIL", "boolean"),
        ("CITY", "varchar"),
        ("TAGS", "array"),
        ("UPDATED_AT", "timestamp_ntz"),
    ),
    rows=3_000,
)
ORDERS = Table(
    "ORDERS",
    (
        ("ORDER_ID", "varchar"),
        ("CUSTOMER_ID", "varchar"),
        ("AMOUNT", "number(12,2)"),
        ("CURRENCY", "varchar"),
        ("ITEMS", "number(38,0)"),
        ("STATUS", "varchar"),
        ("ORDERED_AT", "timestamp_ntz"),
        ("UPDATED_AT", "timestamp_ntz"),
    ),
    rows=5_000,
)
PRODUCT_EVENTS = Table(
    "PRODUCT_EVENTS",
    (
        ("EVENT_ID", "varchar"),
        ("CUSTOMER_ID", "varchar"),
        ("EVENT_NAME", "varchar"),
        ("PRODUCT", "varchar"),
        ("CATEGORY", "varchar"),
        ("PRICE", "number(12,2)"),
        ("QUANTITY", "number(38,0)"),
        ("ON_SALE", "boolean"),
        ("OCCURRED_AT", "timestamp_ntz"),
        ("UPDATED_AT", "timestamp_ntz"),
    ),
    rows=5_000,
)
TABLES = (CUSTOMERS, ORDERS, PRODUCT_EVENTS)

FIRST_NAMES = (
    "Asha",
    "Zoë",
    "李",
    "Siân",
    "Jürgen",
    "Łukasz",
    "Ngũgĩ",
    "Ravi",
    "D'Arcy",
    "Мария",
    "אבי",
    "Priya",
)
LAST_NAMES = (
    "O'Brien",
    "Müller",
    "Patel",
    'Smith "Sam"',
    "García",
    "Nguyễn",
    "Iyer",
    "de la Cruz",
    "Øst",
    "Rao",
)
CITIES = ("Mumbai", "Köln", "São Paulo", "Bengaluru", "Zürich", "Łódź", "東京", "Denver", "St. John's")
TAGS = ("newsletter", "gift cards", "early bird", "wholesale", "crème")
PRODUCTS = (
    ("Teapot", "Kitchen", "24.90"),
    ("Desk Lamp", "Home", "59.00"),
    ('Monitor 27"', "Electronics", "219.99"),
    ("Café au Lait Bowl", "Kitchen", "12.50"),
    ("Rucksack", "Outdoor", "89.95"),
)
EVENT_NAMES = (
    "Product Viewed",
    "Product Viewed",
    "Product Viewed",
    "Added To Cart",
    "Wishlisted",
    "Purchased",
)
STATUSES = ("placed", "paid", "shipped", "delivered", "returned")
CURRENCIES = ("INR", "EUR", "USD")


def customer_id(number: int) -> str:
    return f"C{number:06d}"


def shop_rows(table: Table, now: datetime) -> Iterator[Row]:
    """All rows of the table, the bad ones last."""
    random = Random(f"{SEED} {table.name}")  # noqa: S311 - made-up rows, not secrets
    dirt = [one for one in DIRT if one.table == table.name]
    for number in range(table.rows):
        yield ordinary_row(table, number, now, random)
    for number, one in enumerate(dirt, start=table.rows):
        row = dict(zip(table.names, ordinary_row(table, number, now, Random(SEED)), strict=True))  # noqa: S311
        for column, value in one.values.items():
            row[column] = _cell(value, now)
        yield list(row.values())


def ordinary_row(table: Table, number: int, now: datetime, random: Random) -> Row:
    """One row that CleverTap accepts."""
    make = {"CUSTOMERS": _customer, "ORDERS": _order, "PRODUCT_EVENTS": _event}[table.name]
    return make(number, _moment(now, random), random)


def snowflake_text(moment: datetime) -> str:
    """As TIMESTAMP_NTZ in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _cell(value: Value, now: datetime) -> object:
    return snowflake_text(now + value) if isinstance(value, timedelta) else value


def _moment(now: datetime, random: Random) -> datetime:
    """Within the 90 days before now; some rows within the last hours."""
    span = timedelta(hours=RECENT_HOURS) if random.random() < RECENT_SHARE else timedelta(days=DAYS)
    return now - span * random.random()


def _customer(number: int, updated_at: datetime, random: Random) -> Row:
    birthday = date(1930, 1, 1) + timedelta(days=random.randrange(27_500))
    signed_up = updated_at - timedelta(days=random.randrange(1, 2_000), seconds=random.randrange(86_400))
    return [
        customer_id(number),
        f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}",
        _mostly(f"shopper{number}@example.com", random),
        _mostly(f"+91{7_000_000_000 + number}", random),
        _mostly(random.choice(("M", "F")), random),
        _mostly(birthday.isoformat(), random),
        snowflake_text(signed_up),
        random.randrange(50_000),
        _money(random.randrange(-5_000, 5_000_000)),
        round(random.uniform(0, 100), 6),
        random.random() < 0.1,
        random.random() < 0.6,
        random.choice(CITIES),
        sorted(random.sample(TAGS, random.randrange(3))),
        snowflake_text(updated_at),
    ]


def _order(number: int, updated_at: datetime, random: Random) -> Row:
    return [
        f"O{number:06d}",
        _some_customer(random),
        _money(random.randrange(100, 100_000)),
        random.choice(CURRENCIES),
        random.randrange(1, 9),
        random.choice(STATUSES),
        snowflake_text(updated_at - timedelta(hours=random.randrange(72))),
        snowflake_text(updated_at),
    ]


def _event(number: int, updated_at: datetime, random: Random) -> Row:
    product, category, price = random.choice(PRODUCTS)
    return [
        f"E{number:06d}",
        _some_customer(random),
        random.choice(EVENT_NAMES),
        product,
        category,
        price,
        random.randrange(1, 5),
        random.random() < 0.25,
        snowflake_text(updated_at - timedelta(seconds=random.randrange(120))),
        snowflake_text(updated_at),
    ]


def _mostly(value: str, random: Random) -> str | None:
    """NULL in one of twenty rows, as in every real table."""
    return None if random.random() < 0.05 else value


def _money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _some_customer(random: Random) -> str:
    return customer_id(random.randrange(CUSTOMERS.rows))


def batched(rows: Iterator[Row], size: int) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
