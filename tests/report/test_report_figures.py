"""The figures of the pages, against sums of the stand-in account's own rows."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import pytest

from report.conftest import AS_OF, STREAMS, Made, figure, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fixtures.databases import Database
    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox
    from report.conftest import Copy

FIRST: Final = "2025-07-01"
"""The first day of twelve whole months up to the account's clock."""
WEEKS: Final = 365 / 7
LATE: Final = ("2026-06-22", "2026-06-28")
"""The last whole week before the account's clock."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest,
    new_database: Callable[[str], Database],
    harvest: Sandbox,
    tmp_path: Path,
) -> Database:
    """The account in a file, and on a server. Other engines are tested with the queries."""
    found = new_database(request.param)
    sync(harvest, found.url, tmp_path)
    return found


def in_period(harvest: Sandbox, first: str = FIRST, last: str = AS_OF) -> list[dict[str, Any]]:
    """The entries of the page."""
    return [row for row in harvest.rows("time_entries") if first <= row["spent_date"] <= last]


def hours(entries: Iterable[dict[str, Any]], *names: str) -> dict[Any, tuple[float, float]]:
    """Hours and billable hours, by the name of a client, a task and so on."""
    sums: dict[Any, tuple[float, float]] = defaultdict(lambda: (0, 0))
    for entry in entries:
        key = tuple(entry["spent_date"][:7] if n == "month" else entry[n]["name"] for n in names)
        before = sums[key]
        sums[key] = (
            before[0] + entry["hours"],
            before[1] + entry["hours"] * entry["billable"],
        )
    return sums


def check_hours(
    shown: dict[tuple[str, ...], list[float]], wanted: dict[Any, tuple[float, float]], total: str
) -> None:
    """The first two figures of each row are hours and billable hours; the last row is the sum."""
    sums = [sum(each[place] for each in wanted.values()) for place in (0, 1)]
    assert shown.keys() == wanted.keys() | {(total,)}
    for key, both in {**wanted, (total,): sums}.items():
        assert shown[key][:2] == pytest.approx(list(both), abs=0.006)


MONTHS: Final = {
    **{
        f"{name} 2025": f"2025-{number:02}"
        for number, name in enumerate(
            ("July", "August", "September", "October", "November", "December"), 7
        )
    },
    **{
        f"{name} 2026": f"2026-{number:02}"
        for number, name in enumerate(("January", "February", "March", "April", "May", "June"), 1)
    },
}


def test_the_figures_of_the_account(
    database: Database, harvest: Sandbox, page: Callable[..., Made]
) -> None:
    """Each is the sum of the account's own rows."""
    shown = page(database.url).shown
    entries = in_period(harvest)

    months = {(name,): hours(entries, "month")[month,] for name, month in MONTHS.items()}
    check_hours(shown.figures("Hours by month"), months, "All months")
    clients = hours(entries, "client")
    check_hours(shown.figures("Hours by client"), clients, "All clients")
    check_matrix(shown.figures("Hours by client and month"), hours(entries, "client", "month"))
    check_people(shown.figures("Hours against capacity, by person"), harvest, entries)
    check_late(shown.figures("Hours that are missing, by person"), harvest)
    check_budgets(shown.figures("Budgets of hours, by project", 2), harvest)
    check_money(shown.tables, harvest)


def name_of(user: dict[str, Any]) -> str:
    """The name of a person, who may have no last name."""
    return " ".join(filter(None, [user["first_name"], user["last_name"]]))


def check_matrix(
    shown: dict[tuple[str, ...], list[float]], wanted: dict[Any, tuple[float, float]]
) -> None:
    """A row for each client, a column for each month, and the sum."""
    for (client, month), (tracked, _) in wanted.items():
        place = list(MONTHS.values()).index(month)
        assert shown[client,][place] == pytest.approx(tracked, abs=0.06)
    filled = sum(cell != "" for row in shown.values() for cell in row[:-1])
    assert filled == len(wanted) + len({month for _, month in wanted})


def check_people(
    shown: dict[tuple[str, ...], list[float]], harvest: Sandbox, entries: list[dict[str, Any]]
) -> None:
    """Capacity, hours, billable hours, and both in percent of the capacity."""
    users = [u for u in harvest.rows("users") if u["is_active"] and u["weekly_capacity"]]
    assert len(shown) == len(users) + 1
    for user in users:
        name = name_of(user)
        mine = [entry for entry in entries if entry["user"]["id"] == user["id"]]
        tracked = sum(entry["hours"] for entry in mine)
        billable = sum(entry["hours"] * entry["billable"] for entry in mine)
        capacity = user["weekly_capacity"] / 3600 * WEEKS
        assert shown[name,] == pytest.approx(
            [capacity, tracked, billable, tracked * 100 / capacity, billable * 100 / capacity],
            abs=0.51,
        )
        assert shown[name,][:3] == pytest.approx([capacity, tracked, billable], abs=0.006)


def check_late(shown: dict[tuple[str, ...], list[float]], harvest: Sandbox) -> None:
    """Capacity, hours of the week, and what is missing."""
    tracked: dict[int, float] = defaultdict(float)
    for entry in in_period(harvest, *LATE):
        tracked[entry["user"]["id"]] += entry["hours"]
    wanted = {}
    for user in harvest.rows("users"):
        name = name_of(user)
        capacity, done = user["weekly_capacity"] / 3600, tracked[user["id"]]
        if user["is_active"] and done < capacity:
            wanted[name,] = pytest.approx([capacity, done, capacity - done], abs=0.006)
    assert shown == wanted


def check_budgets(shown: dict[tuple[str, ...], list[float]], harvest: Sandbox) -> None:
    """Budget, hours, what is left, and the share."""
    wanted = {}
    for project in harvest.rows("projects"):
        if (
            project["budget"]
            and project["is_active"]
            and not project["budget_is_monthly"]
            and project["budget_by"] == "project"
        ):
            spent = sum(
                entry["hours"]
                for entry in harvest.rows("time_entries")
                if entry["project"]["id"] == project["id"]
            )
            budget = project["budget"]
            wanted[project["name"], project["client"]["name"]] = [
                pytest.approx(each, abs=0.51 if each is spent else 0.506)
                for each in (budget, spent, budget - spent, spent * 100 / budget)
            ]
    assert wanted
    assert shown == wanted


def check_money(tables: dict[str, list[list[str]]], harvest: Sandbox) -> None:
    """The sums of each currency, and a table for each: none is added to another."""
    uninvoiced: dict[str, float] = defaultdict(float)
    for entry in harvest.rows("time_entries"):
        if entry["billable"] and not entry["is_billed"]:
            value = entry["hours"] * (entry["billable_rate"] or 0)
            uninvoiced[entry["client"]["currency"]] += value
    due: dict[str, float] = defaultdict(float)
    for invoice in harvest.rows("invoices"):
        if invoice["state"] == "open":
            due[invoice["currency"]] += invoice["due_amount"]
    assert len(uninvoiced) > 1
    for title, sums, names in (("Uninvoiced work", uninvoiced, 2), ("Receivables", due, 1)):
        found = {name.rsplit(" ", 1)[1]: rows for name, rows in tables.items() if title in name}
        assert found.keys() == sums.keys()
        for currency, rows in found.items():
            rounded = 3 if currency == "JPY" else 0.03  # Of as many figures as are added up.
            whole, *ages = [float(cell.replace(",", "")) for cell in rows[-1][names:] if cell]
            assert whole == pytest.approx(sums[currency], abs=rounded)
            assert sum(ages) == pytest.approx(sums[currency], abs=rounded)


@pytest.mark.parametrize("database", ["duckdb", "mariadb"], indirect=True)
def test_the_other_engines_make_the_same_page(
    database: Database, harvest: Sandbox, page: Callable[..., Made], tmp_path: Path
) -> None:
    """Each table has the figures that it has with SQLite."""
    url = f"sqlite:///{tmp_path}/account.db"
    sync(harvest, url, tmp_path)

    found, wanted = page(database.url).shown.tables, page(url).shown.tables
    assert found.keys() == wanted.keys()
    for caption, rows in wanted.items():
        assert [row[0] for row in found[caption]] == [row[0] for row in rows]
        for row, other in zip(found[caption], rows, strict=True):
            assert list(map(figure, row)) == [
                pytest.approx(each, abs=1.01) if isinstance(each, float) else each
                for each in map(figure, other)
            ]


def test_tables_in_a_schema_of_their_own_are_read(
    postgres_database: Database, pipeline: Pipeline, page: Callable[..., Made]
) -> None:
    """`--schema` names what `default_target_schema` of the target names."""
    pipeline.streams = STREAMS
    pipeline.target_config |= {
        "sqlalchemy_url": postgres_database.url,
        "default_target_schema": "harvest data",
    }
    pipeline()

    shown = page(postgres_database.url, "--schema", "harvest data").shown
    assert "Hours by month" in shown.tables
    assert shown.told == {}
    told = page(postgres_database.url).shown.told[""]
    assert told.endswith(
        "If the tables are in a schema of their own, name it with "
        "--schema or HARVEST_REPORT_SCHEMA."
    )


def test_the_figures_of_a_client(
    database: Database, harvest: Sandbox, page: Callable[..., Made]
) -> None:
    """Only the client's own entries count, in the period asked for."""
    entries = in_period(harvest, "2026-01-01", "2026-03-31")
    names = [entry["client"]["name"] for entry in entries]
    client = max(sorted(set(names)), key=names.count)
    mine = [entry for entry in entries if entry["client"]["name"] == client]

    arguments = ("--from", "2026-01-01", "--to", "2026-03-31", "--people")
    shown = page(database.url, "--client", client, *arguments).shown

    for title, name in (("project", "project"), ("task", "task"), ("person", "user")):
        check_hours(shown.figures(f"Hours by {title}"), hours(mine, name), "Sum")
    months = list(MONTHS.items())[6:9]
    wanted = {(name,): hours(mine, "month")[month,] for name, month in months}
    check_hours(shown.figures("Hours by month"), wanted, "All months")
    rows = shown.tables[f"{len(mine)} entries"]
    assert sorted(rows[1:-1]) == sorted(
        [
            entry["spent_date"],
            *(entry[name]["name"] for name in ("project", "task", "user")),
            f"{entry['hours']:,.2f}",
            "yes" if entry["billable"] else "no",
        ]
        for entry in mine
    )


@pytest.mark.parametrize("is_removed", [False, True])
def test_what_was_deleted_does_not_count(
    harvest: Sandbox, pipeline: Pipeline, page: Callable[..., Made], *, is_removed: bool
) -> None:
    """Neither where rows are marked, nor where they are removed."""
    pipeline.streams = STREAMS
    pipeline.tap_config["reconcile_days"] = 0
    pipeline.target_config["hard_delete"] = is_removed
    pipeline()
    before = page(pipeline.database.url).shown.figures("Hours by month")["All months",][0]
    gone = next(e for e in in_period(harvest) if e["hours"] > 1)
    harvest.delete("time_entries", gone["id"])
    pipeline()

    after = page(pipeline.database.url).shown.figures("Hours by month")["All months",][0]
    assert after == pytest.approx(before - gone["hours"], abs=0.006)


def test_clients_and_projects_are_told_apart_by_id(copy: Copy, page: Callable[..., Made]) -> None:
    """A renamed client has one row, and two clients of one name have two."""
    before = page(copy.url).shown.tables
    copy.run("UPDATE time_entries SET project__name = 'One', client__name = 'One'")
    copy.run("UPDATE invoices SET client__name = 'One'")

    after = page(copy.url).shown.tables
    for caption, rows in before.items():
        if caption not in {
            "Hours against capacity, by person",
            "Hours that are missing, by person",
        }:
            assert len(after[caption]) == len(rows), caption

    copy.run("UPDATE time_entries SET client__id = 1, project__id = 1")
    copy.run(
        "UPDATE time_entries SET project__name = 'Two', client__name = 'Two' "
        "WHERE spent_date > '2026-01-01'"
    )
    after = page(copy.url).shown.tables
    assert [row[0] for row in after["Hours by client"]] == ["Client", "Two", "All clients"]
    assert after["Hours by client"][1][1:] == after["Hours by client"][2][1:]
    for caption, rows in after.items():
        if caption.startswith("Uninvoiced work"):
            assert len(rows) == 3, caption


@pytest.mark.parametrize(
    "parts",
    [
        [0.22, 0.23, 2.71, 3.23, 4.04, 7.26, 7.38, 7.46, 7.47],
        [1.28, 2.07, 2.2, 2.35, 2.99, 3.73, 4.62, 4.99, 7.46, 8.31],
    ],
    ids=["39.999999999999993", "40.00000000000001"],
)
def test_a_sum_that_is_rounded_is_whole(
    copy: Copy, page: Callable[..., Made], parts: list[float]
) -> None:
    """Floating-point hours that add up to 40 are neither late nor -0.00 hours short of a budget."""
    copy.run("UPDATE users SET first_name = 'Whole', last_name = '', weekly_capacity = 144000")
    copy.run("UPDATE users SET is_active = id = (SELECT min(id) FROM users)")
    copy.run("DELETE FROM time_entries")
    for number, part in enumerate(parts):
        copy.run(
            "INSERT INTO time_entries (id, user__id, project__id, client__id, hours, billable, "
            "spent_date) SELECT ?, min(users.id), 9, 9, ?, 1, ? FROM users",
            number,
            part,
            LATE[1],
        )
    copy.run(
        "UPDATE projects SET id = 9, budget = 40, budget_by = 'project', budget_is_monthly = 0, "
        "is_active = 1 WHERE id = (SELECT min(id) FROM projects)"
    )

    shown = page(copy.url).shown
    assert shown.told["late"] == "There is nothing to show."
    [budget] = [row for row in shown.tables["Budgets of hours, by project"] if row[2] == "40.00"]
    assert budget[2:] == ["40.00", "40.00", "0.00", "100 %"]


@pytest.mark.parametrize(
    ("day", "age"),
    [
        ("2026-06-30", "up to 30 days"),
        ("2026-05-31", "up to 30 days"),
        ("2026-05-30", "31 to 60 days"),
        ("2026-05-01", "31 to 60 days"),
        ("2026-04-30", "61 to 90 days"),
        ("2026-04-01", "61 to 90 days"),
        ("2026-03-31", "over 90 days"),
    ],
)
def test_an_amount_is_below_its_age(
    copy: Copy, page: Callable[..., Made], day: str, age: str
) -> None:
    """Of work as of invoices: what is 30 days old is below "up to 30 days"."""
    copy.run("UPDATE time_entries SET spent_date = ?, billable = 1, is_billed = 0", day)
    copy.run("UPDATE time_entries SET billable_rate = 10, hours = 1, client__currency = 'EUR'")
    copy.run("UPDATE invoices SET state = 'open', due_date = ?, due_amount = 10", day)
    copy.run("UPDATE invoices SET currency = 'EUR'")

    tables = page(copy.url).shown.tables
    for caption in ("Uninvoiced work in EUR", "Receivables in EUR"):
        head, *_, total = tables[caption]
        shown = "not yet due" if day == AS_OF and "Receivables" in caption else age
        assert total[head.index(shown)] == total[head.index("Sum")], caption
        assert float(total[head.index("Sum")].replace(",", "")) > 0


def test_a_long_period_is_shown_by_year(copy: Copy, page: Callable[..., Made]) -> None:
    """A table has at most 24 columns of months, and a chart of years has labels of some years."""
    made = page(copy.url, "--from", "1996-03-01")
    tables = made.shown.tables
    head, *rows = tables["Hours by client and year"]
    by_client = {row[0]: figure(row[1]) for row in tables["Hours by client"]}

    assert head == ["Client", *map(str, range(1996, 2027)), "Sum"]
    for client, *years, total in rows:
        assert sum(float(year) for year in years if year) == pytest.approx(float(total), abs=0.3)
        assert by_client[client] == pytest.approx(float(total), abs=0.06)
    labels = re.findall(r'<text class="month(?: year)?"[^>]*>(.+?)</text>', made.html)
    assert labels == [str(year) for year in range(1998, 2027, 3)]
    two_years = page(copy.url, "--from", "2024-07-01").shown.tables
    assert len(two_years["Hours by client and month"][0]) == 26
