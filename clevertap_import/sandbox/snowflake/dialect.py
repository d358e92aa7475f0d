"""Corrections of fakesnow's translation of SQL, where its values differ from Snowflake's."""

from collections.abc import Callable

from sqlglot import exp


def corrected(parse_one: Callable[[str], exp.Expr]) -> Callable[[str], exp.Expr]:
    """fakesnow's parser, followed by our corrections."""
    return lambda sql: (
        parse_one(sql)
        .transform(_floor_epoch_seconds, copy=False)
        .transform(_sum_exactly, copy=False)
        .transform(_collated, copy=False)
        .transform(_last_change, copy=False)
        .transform(_with_row_timestamps, copy=False)
    )


def _floor_epoch_seconds(node: exp.Expr) -> exp.Expr:
    """date_part(epoch_second, ...) rounds down in Snowflake; the translation rounds to the nearest second."""
    if not (isinstance(node, exp.Extract) and node.this.name.upper() == "EPOCH_SECOND"):
        return node
    return exp.cast(exp.Floor(this=exp.Anonymous(this="EPOCH", expressions=[node.expression])), "BIGINT")


def _sum_exactly(node: exp.Expr) -> exp.Expr:
    """The sum of NUMBERs is a NUMBER in Snowflake; the translation adds doubles, wrong in the last digit.

    A function without arguments of NUMBER does not change. Texts, which Snowflake would add as numbers, are
    refused.
    """
    return exp.Anonymous(this="SUM", expressions=[node.this]) if isinstance(node, exp.Sum) else node


def _collated(node: exp.Expr) -> exp.Expr:
    """Snowflake writes collations in quotes, 'en-ci'; DuckDB has nocase, noaccent and binary."""
    match node:
        case exp.CollateColumnConstraint():
            return exp.CollateColumnConstraint(this=_collation(node.this))
        case exp.Collate():
            return exp.Collate(this=node.this, expression=_collation(node.expression))
    return node


_COLLATIONS = {"ci": "nocase", "upper": "nocase", "lower": "nocase", "ai": "noaccent"}


def _collation(named: exp.Expr) -> exp.Identifier:
    duck = [_COLLATIONS[part] for part in named.name.lower().split("-") if part in _COLLATIONS]
    return exp.to_identifier(".".join(duck) or "binary", quoted=len(duck) < 2)


def _last_change(node: exp.Expr) -> exp.Expr:
    """A digest of the content, since DuckDB stores no time of it: like Snowflake's number it shows only
    changes."""
    if not (isinstance(node, exp.Anonymous) and node.name.upper() == "SYSTEM$LAST_CHANGE_COMMIT_TIME"):
        return node
    table = exp.to_table(node.expressions[0].name, dialect="snowflake").sql("duckdb")
    content = "coalesce(bit_xor(hash(_changed) % 1000000000000000), 0)::bigint + count(*)"
    return exp.select(exp.maybe_parse(content, dialect="duckdb")).from_(f"{table} as _changed").subquery()


def _with_row_timestamps(node: exp.Expr) -> exp.Expr:
    """Adds the column to a table with row_timestamp = true; INSERTs that name their columns fill it.

    Unlike in Snowflake `*` includes it, and an UPDATE has to set it.
    """
    if not isinstance(node, exp.Create) or not isinstance(node.this, exp.Schema):
        return node
    for each in node.find_all(exp.Property):
        if each.name.upper() == "ROW_TIMESTAMP":
            if each.args["value"].this:
                column = exp.ColumnDef(
                    this=exp.to_identifier("METADATA$ROW_LAST_COMMIT_TIME", quoted=True),
                    kind=exp.DataType.build("timestamptz"),
                    constraints=[
                        exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=exp.CurrentTimestamp()))
                    ],
                )
                node.this.append("expressions", column)
            each.pop()
    return node
