"""Writes docs/queries.md: the queries that harvest-report runs, for people to run themselves.

Run by `make docs`. Each comes from its own file in harvest-report/harvest_report/queries/.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from harvest_report.queries import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harvest_report.queries import Query

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "queries.md"
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
"""The order of the page; the others follow."""
HEAD: Final = r"""
# Useful queries

[harvest-report](../harvest-report/README.md) makes a page of most of them. They run as they are
on SQLite and PostgreSQL, with the tables that `meltano run tap-harvest target-harvest-sql` makes.
For another database, `harvest-report sql NAME --dialect mariadb` prints the same query; other
dialects are `duckdb`, `mysql` and `mssql` (SQL Server and Azure SQL).

A word after a colon is a parameter, such as `:from_date`. Days are texts like `'2031-04-09'`. Most
SQL editors ask for parameters. In `sqlite3` write `.parameter set :from_date "'2031-04-09'"`, and
in `psql` write `\set from_date '''2031-04-09'''`.

* **Streams and settings**: below each heading are the streams that the query reads. Where a name
  such as `client__name` is in a query, the target needs `flattening_enabled: true` and
  `flattening_max_depth: 1`, as in [meltano.yml](../meltano.yml).
* **Deleted rows** are marked in `_sdc_deleted_at`. Without that column (`hard_delete: true` or
  `add_record_metadata: false`) leave the condition out.
* **Currencies**: amounts of several currencies must not be added up, so every query that sums
  money also groups by currency.
"""


def page() -> str:
    """The text of the page."""
    names = [*FIRST, *(name for name in queries() if name not in FIRST)]
    parts = [line for name in names for line in _part(queries()[name])]
    return "\n".join([HEAD.lstrip(), *parts]).rstrip() + "\n"


def _part(query: Query) -> Iterator[str]:
    yield f"## {query.title}\n"
    if query.about:
        yield f"{query.about}\n"
    streams = ", ".join(f"`{table}`" for table in sorted(query.needs))
    yield f"`{query.name}` reads {streams}.\n"
    yield f"```sql\n{query.text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
