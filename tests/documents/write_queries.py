"""Writes docs/queries.md: the queries of harvest-report, for users to run.

Run by `make docs`. Each comes from its own file in harvest-report/harvest_report/queries/.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlglot.expressions import Column

from harvest_report.queries import DELETED_AT, queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harvest_report.queries import Query

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "queries.md"
FIRST: Final = (
    "hours_by_client_and_month",
    "value_and_cost_by_project",
    "utilisation_by_person",
    "late_timesheets",
    "uninvoiced_work",
    "uninvoiced_expenses",
    "budget_burn",
    "receivables",
    "invoiced_and_paid_by_month",
    "invoiced_by_kind",
    "estimates_by_state",
    "expenses_by_category_and_month",
    "running_timers",
    "deleted_time",
)
"""The first queries of the page, in order. The others follow."""
HEAD: Final = r"""
# Useful queries

[harvest-report](../harvest-report/README.md) makes a page of most of them. They run as they are
on SQLite and PostgreSQL, with the tables that `meltano run tap-harvest target-harvest-sql` makes.
For another database, `harvest-report sql NAME --dialect mariadb` prints the same query; other
dialects are `duckdb`, `mysql` and `mssql` (SQL Server and Azure SQL).

A word after a colon is a parameter, such as `:from_date`. Days are texts like `'2031-04-09'`. Most
SQL editors ask for parameters. In `sqlite3` write `.parameter set :from_date "'2031-04-09'"`, and
in `psql` write `\set from_date '''2031-04-09'''`.

Below each heading are the streams that the query reads, and the settings of the target that it
needs:

* **flattening**: `flattening_enabled: true` and `flattening_max_depth: 1`, for columns such as
  `client__name`. Both are set in [meltano.yml](../meltano.yml) and in the
  [definitions for other projects](meltano.md).
* **metadata**: `add_record_metadata: true`, the default, for columns such as `_sdc_extracted_at`.
* **marks**: also `hard_delete: false`, the default, so that deleted rows stay in the table.

Of all queries:

* **Deleted rows** are marked in `_sdc_deleted_at`. Without that column (`hard_delete: true` or
  `add_record_metadata: false`) leave the condition out.
* **Currencies**: amounts of several currencies must not be added up, so every query that sums
  money also groups by currency.
"""


def page() -> str:
    """Return the text of the page."""
    names = [*FIRST, *(name for name in queries() if name not in FIRST)]
    parts = [line for name in names for line in _part(queries()[name])]
    return "\n".join([HEAD.lstrip(), *parts]).rstrip() + "\n"


def _part(query: Query) -> Iterator[str]:
    yield f"## {query.title}\n"
    if query.about:
        yield f"{query.about}\n"
    streams = ", ".join(f"`{table}`" for table in sorted(query.needs))
    needed = ", ".join(_settings(query)) or "none"
    yield f"`{query.name}`. Streams: {streams}. Settings: {needed}.\n"
    yield f"```sql\n{query.text}\n```\n"


def _settings(query: Query) -> Iterator[str]:
    """Return the names of the parameters that the head of the page explains."""
    columns = set().union(*query.needs.values())
    if any("__" in column for column in columns):
        yield "flattening"
    # A condition on the column can be left out, a result cannot.
    results = {column.name for result in query.tree.selects for column in result.find_all(Column)}
    if any(column.startswith("_sdc_") for column in results):
        yield "metadata"
    if DELETED_AT in results:
        yield "marks"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
