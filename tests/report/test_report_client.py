"""The page for a client: what it never holds, and what a text in it can do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from report.conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from report.conftest import Copy, Made

RATES: Final = {
    "clients": (),
    "company": (),
    "invoices": ("amount", "due_amount", "tax_amount", "discount_amount"),
    "projects": ("hourly_rate", "cost_budget", "fee", "over_budget_notification_percentage"),
    "time_entries": ("billable_rate", "cost_rate"),
    "users": ("default_hourly_rate", "cost_rate"),
}
"""The columns of each table that tell of money."""
PERIOD: Final = ("--from", "2024-01-01", "--to", "2026-06-30")


def name_of_most(copy: Copy) -> str:
    """The client with most entries."""
    [(name,)] = copy.run(
        "SELECT client__name FROM time_entries GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    return str(name)


def with_marks(copy: Copy) -> set[str]:
    """Give each rate and amount, and each thing of other clients, a value of its own.

    So that none is on the page by chance. Returns the values.
    """
    own = name_of_most(copy)
    marks = set()
    for number, (table, columns) in enumerate(RATES.items()):
        for place, column in enumerate(columns):
            start = 70_000 + number * 1_000 + place * 100_000
            copy.run(f"UPDATE {table} SET {column} = {start} + rowid + 0.37")
            marks |= {f"{value:.2f}" for (value,) in copy.run(f"SELECT {column} FROM {table}")}
    copy.run("UPDATE clients SET name = 'Kept from ' || id WHERE name <> ?", own)
    for table in ("time_entries", "projects", "invoices"):
        copy.run(
            f"UPDATE {table} SET client__name = 'Kept from ' || client__id WHERE client__name <> ?",
            own,
        )
    copy.run("UPDATE time_entries SET project__name = 'Veiled' || id WHERE client__name <> ?", own)
    copy.run("UPDATE projects SET name = 'Veiled' || id WHERE client__name <> ?", own)
    copy.run("UPDATE time_entries SET task__name = 'Covert' || id WHERE client__name <> ?", own)
    copy.run("UPDATE time_entries SET notes = 'Internal' || id")
    copy.run("UPDATE projects SET notes = 'Internal' || id")
    copy.run("UPDATE time_entries SET user__name = 'Person' || id")
    return marks | {"Kept from", "Veiled", "Covert"}


def test_a_client_sees_no_rate_and_nothing_of_others(copy: Copy, page: Callable[..., Made]) -> None:
    """Every rate, cost and name of the database is looked for in the bytes of the file."""
    marks = with_marks(copy) | {"Internal", "Person"}

    made = page(copy.url, "--client", name_of_most(copy), *PERIOD)

    text = made.path.read_bytes().decode().replace(",", "")
    assert "Veiled" in page(copy.url, *PERIOD).html  # So that the search can find something.
    assert len(marks) > 400
    assert {mark for mark in marks if mark in text} == set()


def test_people_and_notes_are_shown_if_asked_for(copy: Copy, page: Callable[..., Made]) -> None:
    """Each by its own flag, and still nothing else."""
    marks = with_marks(copy)
    own = name_of_most(copy)

    notes = page(copy.url, "--client", own, "--notes", *PERIOD).html
    people = page(copy.url, "--client", own, "--people", *PERIOD).html

    assert "Internal" in notes
    assert "Person" not in re.sub("Internal", "", notes)
    assert "Person" in people
    assert "Internal" not in people
    for html in (notes, people):
        assert {mark for mark in marks if mark in html.replace(",", "")} == set()


def test_another_client_named_in_a_text_is_replaced(copy: Copy, page: Callable[..., Made]) -> None:
    """In the names of projects and tasks, and in notes; the own name stays whole."""
    own = name_of_most(copy)
    copy.run("INSERT INTO clients (id, name) VALUES (1, 'Northwind'), (2, ?)", own[:7].strip())
    copy.run("UPDATE time_entries SET project__name = 'Like Northwind' WHERE client__name = ?", own)
    copy.run("UPDATE time_entries SET notes = ? WHERE client__name = ?", f"northwind, {own}", own)

    made = page(copy.url, "--client", own, "--notes", *PERIOD)

    assert "northwind" not in made.html.lower()
    assert "Like […]" in made.shown.text
    assert f"[…], {own}" in made.shown.text
    assert made.shown.text.count(own) > 1
    assert "Names of other clients stood in" in made.output


@pytest.mark.parametrize("other", ["{own} Holding", "Big {own}", "Holding   of {own}"])
def test_another_client_whose_name_holds_the_own_one_is_replaced(
    copy: Copy, page: Callable[..., Made], other: str
) -> None:
    """Whole, also where spaces or line breaks differ from those of its name."""
    own = name_of_most(copy)
    other = other.format(own=own)
    copy.run("INSERT INTO clients (id, name) VALUES (1, ?)", other)
    note = "With " + "\n".join(other.split())
    copy.run("UPDATE time_entries SET notes = ?, project__name = ?", note, f"For {other}")

    shown = page(copy.url, "--client", own, "--notes", *PERIOD).shown

    assert "Big" not in shown.text
    assert "Holding" not in shown.text
    assert "For […]" in shown.words
    assert "With […]" in shown.words


def test_a_renamed_client_has_its_new_name_and_keeps_its_texts(
    copy: Copy, page: Callable[..., Made]
) -> None:
    """Entries may have the older name, which is no other client's; both names find the page."""
    own = name_of_most(copy)
    [(client_id,)] = copy.run(
        "SELECT DISTINCT client__id FROM time_entries WHERE client__name = ?", own
    )
    renamed = "Aardvark Works"
    copy.run("UPDATE clients SET name = ? WHERE id = ?", renamed, client_id)
    copy.run(
        "UPDATE time_entries SET client__name = ?, notes = ? WHERE client__id = ? AND "
        "spent_date > '2026-01-01'",
        renamed,
        f"{own} is {renamed} now",
        client_id,
    )

    made = page(copy.url, "--client", renamed, "--notes", *PERIOD)
    assert f"<h1>{renamed}</h1>" in made.html
    assert f"{own} is {renamed} now" in made.shown.words
    assert "[…]" not in made.html
    assert page(copy.url, "--client", own, "--notes", *PERIOD).html == made.html


def test_an_id_goes_before_a_name_that_looks_like_one(
    copy: Copy, page: Callable[..., Made]
) -> None:
    """So that each client can be asked for."""
    own = name_of_most(copy)
    [(client_id,)] = copy.run(
        "SELECT DISTINCT client__id FROM time_entries WHERE client__name = ?", own
    )
    copy.run(
        "UPDATE time_entries SET client__name = ? WHERE client__name <> ?", str(client_id), own
    )

    assert f"<h1>{own}</h1>" in page(copy.url, "--client", str(client_id)).html


@pytest.mark.parametrize("ask", [str.upper, str.lower, lambda name: f" {name} "])
def test_a_client_is_found_whatever_its_case(
    copy: Copy, page: Callable[..., Made], ask: Callable[[str], str]
) -> None:
    """And by id, which tells apart those of one name."""
    own = name_of_most(copy)
    [(client_id,)] = copy.run("SELECT client__id FROM time_entries WHERE client__name = ?", own)[:1]

    html = page(copy.url, "--client", ask(own)).html
    assert html == page(copy.url, "--client", str(client_id)).html
    copy.run("UPDATE clients SET name = ?", own)
    done = run(copy.url, "--client", own)
    assert done.exit_code == 1
    assert "Several clients have the name that --client gives. Give an id: 4" in done.output


def test_html_in_names_and_notes_is_text(copy: Copy, page: Callable[..., Made]) -> None:
    """It is shown as it was typed, and makes no element."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    own = name_of_most(copy)
    before = page(copy.url, "--client", own, "--notes", "--people").shown.tags
    for column in ("project__name", "task__name", "user__name", "notes"):
        copy.run(f"UPDATE time_entries SET {column} = ?", f"{column} {evil}")
    copy.run("UPDATE time_entries SET client__name = client__name || ?", evil)
    copy.run("UPDATE projects SET client__name = client__name || ?, name = name || ?", evil, evil)
    copy.run("UPDATE invoices SET client__name = client__name || ?", evil)
    copy.run("UPDATE users SET first_name = ?", evil)
    copy.run("UPDATE company SET name = ?", evil)

    for made in (
        page(copy.url),
        page(copy.url, "--client", own + evil, "--notes", "--people"),
    ):
        assert evil in made.shown.text
        assert set(made.shown.tags) <= {*before, "nav"}
        assert "<script" not in made.html
        assert "<img" not in made.html


def test_a_list_that_is_too_long_is_left_out(copy: Copy, page: Callable[..., Made]) -> None:
    """The sums stay. The sender is told why, and the client is not."""
    own = name_of_most(copy)
    columns = "spent_date, hours, billable, client__id, client__name, project__name, task__name"
    copy.run(
        f"INSERT INTO time_entries ({columns}, id) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
        f"SELECT x + 1 FROM n WHERE x < 5001) SELECT {columns}, x FROM n, (SELECT * FROM "
        "time_entries WHERE client__name = ? ORDER BY spent_date DESC LIMIT 1)",
        own,
    )

    made = page(copy.url, "--client", own, *PERIOD)
    assert "Warning: The list of entries is too large for a page. Choose a" in made.output
    assert made.shown.told == {}
    assert not any("entries" in caption for caption in made.shown.tables)
    assert "shorter period" not in made.html
    assert "deleted in Harvest" not in made.html
    assert "Hours by task" in made.shown.tables

    copy.run("DELETE FROM time_entries WHERE id > 4000 AND id < 5002")
    copy.run("UPDATE time_entries SET notes = printf('%.900c', 'x') WHERE id < 5002")
    made = page(copy.url, "--client", own, "--notes", *PERIOD)
    assert "Warning: The list of entries is too large for a page." in made.output
    assert len(made.html) < 100_000
    assert "Hours by task" in made.shown.tables


def test_columns_that_the_page_does_not_show_may_be_missing(
    copy: Copy, page: Callable[..., Made]
) -> None:
    """As where the stream's fields were selected one by one."""
    own = name_of_most(copy)
    before = page(copy.url, "--client", own, *PERIOD)
    for column in ("user__name", "notes", "updated_at"):
        copy.run(f"ALTER TABLE time_entries DROP COLUMN {column}")
    copy.run("ALTER TABLE clients DROP COLUMN name")

    made = page(copy.url, "--client", own, *PERIOD)
    assert made.html == before.html
    assert "Warning" not in made.output
    assert "Hours by month" in page(copy.url, *PERIOD).shown.tables
    with_people = page(copy.url, "--client", own, "--people", *PERIOD)
    assert "The page has no section Entries. The table time_entries has no column user__name." in (
        with_people.output
    )
