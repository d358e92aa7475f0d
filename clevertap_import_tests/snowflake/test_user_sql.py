"""The user's SQL: one query that only reads, as the words of it show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clevertap_import.snowflake.user_sql import NotASelect, one_select, tables_named

QUERIES = [
    "select 1",
    "(select ID from T) union all (select ID from U)",
    "((select ID from T))",
    "(with A as (select 1 as X) select X from A) union all select 2",
    "select src:into::string as A, src:a.into as B from T",
    "SELECT * FROM T",
    "with A as (select 1 as X) select X from A",
    "-- who has signed up\nselect ID from T",
    "/* ; drop table T */ select ID from T",
    "// Snowflake's own comment; with a semicolon\nselect ID from T",
    "select ';' as A, 'it''s' as B, \"a;b\" from T",
    r"select 'it\'s; here' as A from T",
    "select $$ two; statements? $$ as A from T",
    "select ID from T where A like '100%' and B = '?' and C:x.y::string = ':a'",
    "select (1 + (2)) as X, ')' as Y from T -- (",
    "select 1 union all select 2",
    "select ID from T where X in (select Y from S) qualify row_number() over (order by X) = 1",
    "with recursive A (X) as (select 1), B as (select 2) select * from A, B",
    "with A as (select 1 as X) (select X from A) union (select 2)",
    "select 'into ->>' as A, \"into\" from T /* into ->> */ where X = filter(Y, y -> y > 1)",
]


@pytest.mark.parametrize("sql", QUERIES)
@pytest.mark.parametrize("end", ["", ";", " ; ", ";\n-- done", ";; /* done */\n"])
def test_one_query_stands_with_or_without_a_semicolon_and_a_comment_after_it(sql: str, end: str) -> None:
    bare = sql.removesuffix(" -- (")
    assert one_select(bare + end) == bare


@pytest.mark.parametrize("sql", QUERIES)
def test_no_second_statement_ever_runs(sql: str) -> None:
    with pytest.raises(NotASelect, match=r"second statement after line \d+\. Only one SELECT or WITH is run"):
        one_select(f"{sql}\n; select 2")


@pytest.mark.parametrize(
    "sql",
    [
        *("insert into T values (1)", "update T set A = 1", "delete from T", "merge into T using S on 1 = 1"),
        *("drop table T", "create table T as select 1", "alter table T add A int", "truncate table T"),
        *("call P()", "grant select on T to role R", "show tables", "use role R", "copy into @S from T"),
        *(
            "explain select 1",
            "begin select 1",
            "set A = 1",
            "(insert into T values (1))",
            "execute immediate 'select 1'",
        ),
        "-- select\ndrop table T",
    ],
)
def test_nothing_but_select_or_with_is_run(sql: str) -> None:
    with pytest.raises(NotASelect, match=r"^The SQL begins with \S+\. Only one SELECT or WITH is run here\."):
        one_select(sql)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("with A as (select 1) insert into T select * from A", "INSERT"),
        ("with A (X) as (select 1), B as (select 2)\ndelete from T", "DELETE"),
        ("with P as procedure (X int) returns int as $$ begin return 1; end $$ call P(1)", "RETURNS"),
        ("with A as (select 1)", "nothing"),
        ("with A", "nothing"),
        ("with", "nothing"),
    ],
)
def test_with_leads_to_nothing_but_a_select(sql: str, word: str) -> None:
    with pytest.raises(NotASelect, match=rf"^After its WITH the SQL has {word}\. Only .* is run here\."):
        one_select(sql)


@pytest.mark.parametrize(
    ("sql", "word"), [("select X\ninto T from S", "INTO"), ("select 1\n->> drop table T", "->>")]
)
def test_a_select_that_writes_or_hands_on_to_another_statement_is_refused(sql: str, word: str) -> None:
    with pytest.raises(NotASelect, match=f"^The SQL has {word} on line 2, which does more than read"):
        one_select(sql)


@pytest.mark.parametrize("sql", ["", "  \n ", ";", "-- nothing", "/* nothing */;"])
def test_no_query_at_all_is_reported(sql: str) -> None:
    with pytest.raises(NotASelect, match=r"^The SQL is empty\. Write one SELECT or WITH\.$"):
        one_select(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1) as source; --",
        "select 1) union select 2 from (select 3",
        "select (1",
        "select 1)",
        "select )(",
    ],
)
def test_parentheses_that_would_close_the_query_around_it_are_refused(sql: str) -> None:
    with pytest.raises(NotASelect):
        one_select(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 /* /* */ ; drop table T -- */ */",
        "select 1 {# ; drop table T #}",
        "select 1 -- comment\r; drop table T",
        r"select 'a\\\\'; drop table T --'",
        "select $$ ' $$ ; drop table T --'",
        'select "a\\"; drop table T --"',
        "select \u2018a; drop table T\u2019",
    ],
)
def test_a_semicolon_is_hidden_only_where_snowflake_takes_it_for_text(sql: str) -> None:
    with pytest.raises(NotASelect, match="second statement"):
        one_select(sql)


@pytest.mark.parametrize("sql", ["select 'a", 'select "a', "select 1 /* a", "select $$a"])
def test_a_quote_or_comment_that_is_never_closed_is_refused(sql: str) -> None:
    with pytest.raises(NotASelect, match="never closed"):
        one_select(sql)


@given(st.text(alphabet="();'\"-/*$ \nselct1,?%\\", max_size=30))
def test_what_passes_stands_on_its_own_within_parentheses(tail: str) -> None:
    try:
        sql = one_select(f"select {tail}")
    except NotASelect:
        return
    assert one_select(f"select * from (\n{sql}\n) as source") == f"select * from (\n{sql}\n) as source"


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("select 1", ()),
        (
            "select * from SHOP.PUBLIC.ORDERS o join CUSTOMERS c on o.X = c.X",
            ("CUSTOMERS", "SHOP.PUBLIC.ORDERS"),
        ),
        (
            "with RECENT as (select * from S.ORDERS) select * from recent join RECENT r on 1 = 1",
            ("S.ORDERS",),
        ),
        (
            "select * from (select * from A) union all select * from B where X in (select Y from A)",
            ("A", "B"),
        ),
        ('select * from "my schema"."my table"', ('"my schema"."my table"',)),
        ("select * from T, lateral flatten(input => T.A) f", ("T",)),
        ("select * from table(generator(rowcount => 3))", ()),
        ("select from from from", ()),
    ],
)
def test_the_tables_of_a_query_are_named_without_its_own_ctes(sql: str, tables: tuple[str, ...]) -> None:
    assert tables_named(sql) == tables


def test_a_query_nested_too_deeply_for_the_parser_names_no_tables() -> None:
    assert tables_named(f"select {'replace(' * 400}A{')' * 400} from T") == ()
