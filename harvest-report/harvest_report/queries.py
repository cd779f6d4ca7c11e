"""The queries: one SQL file each, written once for SQLite and translated for other databases.

A file begins with two comments: the query's title, and what a reader should know (if anything).

sqlglot documentation: https://sqlglot.com/sqlglot.html
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DIALECTS: Final = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "mariadb": "mysql",
    "mysql": "mysql",
    "mssql": "tsql",
}
"""The name that sqlglot has for the SQL of each database, by the first word of a URL."""

SIGNS: Final = {"duckdb": "$", "mariadb": "@", "mysql": "@", "mssql": "@"}
"""What a variable begins with in a database's own shell, where it is no colon."""

DELETED_AT: Final = "_sdc_deleted_at"
"""The column that marks deleted rows. A table without it holds no deleted row."""


@dataclass(frozen=True)
class Query:
    """A query, as it is written in its file."""

    name: str
    title: str
    about: str
    """What a reader should know; may be empty."""
    text: str
    """The SQL of SQLite, which is that of PostgreSQL too. Parameters look like `:from_date`."""

    @cached_property
    def tree(self) -> exp.Expr:
        """The parsed statement. Copy it before you change it."""
        return sqlglot.parse_one(self.text, read="sqlite")

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The columns that the query reads, by table. Each table is a stream of that name."""
        return self.needs_without(())

    def needs_without(self, without: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The columns that the query reads if some result columns are left out, by table."""
        found: dict[str, set[str]] = defaultdict(set)
        for column in self._tree_without(without).find_all(exp.Column):
            if table := _table_of(column):
                found[table].add(column.name)
        return {table: frozenset(columns) for table, columns in found.items()}

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of the values that a run must give."""
        return frozenset(found.name for found in self.tree.find_all(exp.Placeholder))

    def written_for(
        self,
        database: str,
        *,
        schema: str | None = None,
        without: Collection[str] = (),
        unmarked: Collection[str] = (),
        sign: str = ":",
    ) -> str:
        """Translate the statement.

        Args:
            database: A key of `DIALECTS`.
            schema: The SQL schema of all tables; `None` for the connection's default schema.
            without: Names of result columns to leave out.
            unmarked: Tables that have no column `_sdc_deleted_at`.
            sign: What the name of a parameter begins with.
        """
        tree = self._tree_without(without)
        for condition in list(tree.find_all(exp.Is)):
            column = condition.this
            if column.name == DELETED_AT and _table_of(column) in unmarked:
                condition.replace(exp.true())
        if unmarked:
            tree = simplify(tree)
        for parameter in list(tree.find_all(exp.Placeholder)):
            parameter.replace(exp.Var(this=f"{sign}{parameter.name}"))
        if schema:
            for table in tree.find_all(exp.Table):
                table.set("db", exp.to_identifier(schema, quoted=True))
        return tree.sql(dialect=DIALECTS[database], pretty=True)

    def _tree_without(self, without: Collection[str]) -> exp.Expr:
        """A copy of the tree that lacks some result columns."""
        tree = self.tree.copy()
        kept = [each for each in tree.expressions if each.alias_or_name not in without]
        tree.set("expressions", kept)
        return tree


def _table_of(column: exp.Column) -> str | None:
    """Find the table that a column belongs to; `None` for a result column or a subquery's."""
    if (select := column.find_ancestor(exp.Select)) is None:
        return None
    sources = [source for kind in (exp.From, exp.Join) for source in _sources(select, kind)]
    if column.table:
        return next((each.name for each in sources if each.alias_or_name == column.table), None)
    results = {each.alias for each in select.expressions if isinstance(each, exp.Alias)}
    if column.find_ancestor(exp.Order) and column.name in results:
        return None
    return sources[0].name if len(sources) == 1 else None


def _sources(select: exp.Select, kind: type[exp.From | exp.Join]) -> list[exp.Table]:
    return [
        part.this
        for part in select.find_all(kind)
        if part.find_ancestor(exp.Select) is select and isinstance(part.this, exp.Table)
    ]


@cache
def queries() -> Mapping[str, Query]:
    """Read all queries, by name."""
    folder = files("harvest_report") / "queries"
    texts = {path.name.removesuffix(".sql"): path.read_text("utf-8") for path in folder.iterdir()}
    return {name: _read(name, texts[name]) for name in sorted(texts)}


def _read(name: str, text: str) -> Query:
    lines = text.splitlines()
    comments = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    statement = "\n".join(line for line in lines if not line.startswith("-- "))
    return Query(name, comments[0], " ".join(comments[1:]), statement)
