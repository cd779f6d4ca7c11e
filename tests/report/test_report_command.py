"""The command: its days, its errors, and what a database may lack."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from harvest_report.cli import main
from harvest_report.periods import default_period, last_week
from report.conftest import run
from support import commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from report.conftest import Copy, Made

MOST_BYTES: Final = 2_000_000
MOST_MEMORY: Final = 200 * 1024 * 1024


def day(text: str) -> dt.date:
    """A day from text."""
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("held", "asked", "as_of", "period"),
    [
        (("2023-07-01", "2026-06-29"), (None, None), "2026-06-30", ("2025-07-01", "2026-06-30")),
        (("2026-02-09", "2026-06-29"), (None, None), "2026-06-30", ("2026-02-01", "2026-06-30")),
        (("2023-07-01", "2027-01-01"), (None, None), "2026-06-30", ("2025-07-01", "2026-06-30")),
        (("2023-07-01", "2026-05-04"), (None, None), "2026-06-30", ("2025-06-01", "2026-05-31")),
        (
            ("2023-07-01", "2026-06-29"),
            ("2026-04-02", None),
            "2026-06-30",
            ("2026-04-02", "2026-06-30"),
        ),
        (
            ("2023-07-01", "2026-06-29"),
            (None, "2024-03-15"),
            "2026-06-30",
            ("2023-07-01", "2024-03-15"),
        ),
        (
            ("2023-07-01", "2026-06-29"),
            (None, "2022-03-15"),
            "2026-06-30",
            ("2022-03-01", "2022-03-15"),
        ),
        ((None, None), (None, None), "2026-02-10", ("2025-03-01", "2026-02-28")),
    ],
)
def test_a_page_has_whole_months_of_data_unless_days_are_given(
    held: tuple[str | None, str | None],
    asked: tuple[str | None, str | None],
    as_of: str,
    period: tuple[str, str],
) -> None:
    """Twelve of them, none before the first entry, and none after the day of the page."""
    first_day, last_day, first, last = (day(each) if each else None for each in (*held, *asked))
    days = {"first_day": first_day, "last_day": last_day}
    found = default_period(days, first, last, day(as_of))

    assert (found.first, found.last) == tuple(map(day, period))


@pytest.mark.parametrize(
    ("as_of", "begins", "week"),
    [
        ("2026-06-30", "Monday", ("2026-06-22", "2026-06-28")),
        ("2026-06-28", "Monday", ("2026-06-22", "2026-06-28")),
        ("2026-06-27", "Monday", ("2026-06-15", "2026-06-21")),
        ("2026-06-27", "Sunday", ("2026-06-21", "2026-06-27")),
        ("2026-06-30", "Saturday", ("2026-06-20", "2026-06-26")),
        ("2026-06-30", "nonsense", ("2026-06-22", "2026-06-28")),
    ],
)
def test_the_last_whole_week(as_of: str, begins: str, week: tuple[str, str]) -> None:
    """It begins on the account's own first day of a week."""
    assert last_week(day(as_of), begins) == tuple(map(day, week))


@pytest.mark.parametrize(
    ("change", "section", "told"),
    [
        (
            "DROP TABLE invoices",
            "receivables",
            (
                "The database has no table invoices. Select the stream invoices in the tap, use a "
                "token that may read it, and sync again."
            ),
        ),
        (
            "ALTER TABLE users DROP COLUMN weekly_capacity",
            "people",
            (
                "The table users has no column weekly_capacity. Select these fields in the tap, "
                "and sync once with --full-refresh."
            ),
        ),
    ],
)
def test_a_section_says_what_it_lacks(
    copy: Copy, page: Callable[..., Made], change: str, section: str, told: str
) -> None:
    """And what to do. The other sections stay."""
    copy.run(change)

    shown = page(copy.url).shown
    assert shown.told[section] == told
    assert "Hours by month" in shown.tables


def test_objects_that_are_not_flattened_are_told(copy: Copy, page: Callable[..., Made]) -> None:
    """With the settings that flatten them."""
    copy.run("ALTER TABLE time_entries DROP COLUMN client__name")
    copy.run("ALTER TABLE time_entries ADD COLUMN client TEXT")

    told = page(copy.url).shown.told
    assert told["hours"] == told["uninvoiced"]
    assert told["hours"].startswith(
        "The table time_entries has objects in one column each. Set flattening_enabled: true"
    )


def test_tables_without_metadata_are_read(copy: Copy, page: Callable[..., Made]) -> None:
    """As with `hard_delete` and without `add_record_metadata`; only the freshness is not known."""
    before = page(copy.url).shown.tables
    for (table,) in copy.run("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        for column in ("_sdc_deleted_at", "_sdc_extracted_at"):
            copy.run(f"ALTER TABLE {table} DROP COLUMN {column}")

    after = page(copy.url).shown
    assert after.tables == before
    assert "When it was read from Harvest is not known." in after.text


def test_rates_that_the_token_may_not_see_are_told(copy: Copy, page: Callable[..., Made]) -> None:
    """The hours stay, and no amount is shown as 0."""
    copy.run("UPDATE time_entries SET billable_rate = NULL")

    shown = page(copy.url).shown
    assert "The token may not see rates, so the amounts are not known." in shown.text
    [rows, *_] = [rows for name, rows in shown.tables.items() if name.startswith("Uninvoiced")]
    ages = slice(rows[0].index("Sum"), rows[0].index("Hours"))
    assert {cell for row in rows[1:] for cell in row[ages]} == {"\N{EM DASH}"}
    assert float(rows[1][rows[0].index("Hours")]) > 0


def test_an_empty_database_makes_a_page_that_says_so(
    copy: Copy, page: Callable[..., Made], tmp_path: Path
) -> None:
    """Without tables, and with a table without rows."""
    (tmp_path / "empty.db").touch()

    told = page(f"sqlite:///{tmp_path}/empty.db").shown.told
    assert "The database has no table time_entries. Select the stream" in told[""]
    copy.run("DELETE FROM time_entries")
    told = page(copy.url).shown.told
    assert told[""] == "The database holds no time entries. Track time in Harvest, and sync again."


def test_a_period_without_entries_says_so(copy: Copy, page: Callable[..., Made]) -> None:
    """Also on the page for a client."""
    period = ("--from", "2020-01-01", "--to", "2020-01-31")
    [(client,)] = copy.run("SELECT client__id FROM time_entries LIMIT 1")

    assert page(copy.url, *period).shown.told["hours"] == "There is nothing to show."
    copy.run("UPDATE projects SET is_active = 0")
    made = page(copy.url, "--client", str(client), *period)
    assert "There is nothing in this period." in made.shown.text
    assert "Warning: The page is empty: the client has nothing from 2020-01-01 to" in made.output


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///nowhere.db", "There is no database file nowhere.db. Sync first: meltano run"),
        ("nonsense", "The URL of the database cannot be read."),
        ("oracle://user:p4ssw0rd@host/x", "The URL of the database is of no kind that is known."),
        ("postgresql://u:p4ssw0rd@127.0.0.1:9/x", "The database cannot be read: "),
        ("postgres://u:p4ssw0rd@127.0.0.1:9/x", "The database cannot be read: "),
        ("mariadb://u:p4ssw0rd@127.0.0.1:9/x", "The database cannot be read: "),
        ("duckdb:///pyproject.toml", "The database cannot be read: "),
        (
            "mssql+mssqlpython://u:p4ssw0rd@127.0.0.1:9/x",
            (
                "The driver of this database is not installed. Install harvest-report[mssql]. It "
                "brings another driver than the URL names, so write mssql:// in the URL."
            ),
        ),
        (
            "mariadb://u:p4ssw0rd@127.0.0.1:9/x?ssl_ca=/nowhere.pem",
            "The driver of the database refused the URL with the options ssl_ca: ",
        ),
        (
            "mariadb://u:p4ssw0rd漢@127.0.0.1:9/x",
            "The user or the password in the URL of the database has a character that the driver",
        ),
        (
            "mariadb://u:p4ssw0rd@127.0.0.1:9/x?sslmode=require",
            "The driver of the database refused the URL with the options sslmode: ",
        ),
        (
            "sqlite:///pyproject.toml",
            (
                "The database cannot be read: file is not a database. Check that the file is this "
                "kind of database, and that no other program locks it."
            ),
        ),
    ],
)
def test_a_database_that_cannot_be_read_is_one_line(url: str, told: str) -> None:
    """Without the password and without a traceback; nothing is written."""
    done = run(url, "--out", "never.html")

    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {told}")
    assert done.output.count("\n") == 1
    assert "p4ssw0rd" not in done.output
    assert not Path("never.html").exists()


def test_settings_that_cannot_be_right_are_told(copy: Copy, tmp_path: Path) -> None:
    """Each in a line of its own."""
    period = ("--from", "2026-05-01", "--to", "2026-04-01")
    assert "The period ends before it begins: 2026-05-01 to" in run(copy.url, *period).output
    assert "--people and --notes need --client." in run(copy.url, "--notes").output
    assert "`harvest-report clients` lists them." in run(copy.url, "--client", "x").output
    assert "Write a day like 2031-04-09." in run(copy.url, "--from", "May").output
    assert "Write a day like 2031-04-09." in run(copy.url, "--from", "0202-04-01").output
    assert "--open needs a file." in run(copy.url, "--out", "-", "--open").output
    (tmp_path / "file").touch()
    done = run(copy.url, "--out", str(tmp_path / "file" / "page.html"))
    assert "The page cannot be written to" in done.output
    assert done.exit_code == 1


def test_the_command_tells_where_the_page_is(copy: Copy, tmp_path: Path) -> None:
    """Its name has the client's, where it is for a client; a variable names the database."""
    [(client,)] = copy.run("SELECT client__name FROM time_entries LIMIT 1")
    variables = os.environ | {"DATABASE_URL": copy.url}
    for more in ([], ["--client", client]):
        done = commands.run(
            [commands.REPORT, "page", *more], cwd=tmp_path, env=variables, text=True, check=True
        )
        [path] = set(tmp_path.glob("*.html"))
        assert done.stdout == f"{path.as_uri()}\n"
        slug = re.sub(r"[^\w]+", "-", client).strip("-").lower() if more else ""
        assert path.name == (f"harvest-report-{slug}.html" if slug else "harvest-report.html")
        path.unlink()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("???", "harvest-report-4001.html"),
        ("漢" * 300, f"harvest-report-{'漢' * 50}.html"),
        ("../../etc/<passwd>\n", "harvest-report-etc-passwd.html"),
    ],
)
def test_the_file_of_a_client_has_a_name_that_a_file_can_have(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    """A name without letters does not overwrite the page of the account."""
    copy.run("UPDATE clients SET name = ? WHERE id = 4001", name)
    monkeypatch.chdir(tmp_path)
    done = run(copy.url, "--client", "4001")

    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.glob("*.html")] == [file]


def test_the_page_goes_where_out_says(copy: Copy, tmp_path: Path) -> None:
    """To standard output, into a device, and through a link; neither of the two is replaced."""
    run(copy.url, "--out", str(tmp_path / "page.html"))
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    link, pipe = tmp_path / "link.html", tmp_path / "pipe"
    link.symlink_to("linked.html")
    os.mkfifo(pipe)

    assert run(copy.url, "--out", "-").output == html
    assert run(copy.url, "--out", str(link)).exit_code == 0
    assert link.is_symlink()
    assert (tmp_path / "linked.html").read_text(encoding="utf-8") == html
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert run(copy.url, "--out", str(pipe)).exit_code == 0
        assert reader.communicate()[0] == html
    assert pipe.is_fifo()


def test_the_shell_goes_before_a_dotenv_file(copy: Copy, tmp_path: Path) -> None:
    """The file may lie above the working directory, as for tap and target."""
    (tmp_path / ".env").write_text(
        f"DATABASE_URL={copy.url}\nHARVEST_REPORT_OUT=of_the_file.html\n", encoding="utf-8"
    )
    (tmp_path / "below").mkdir()
    for more, name in (({}, "of_the_file"), ({"HARVEST_REPORT_OUT": "of_the_shell.html"}, "")):
        commands.run([commands.REPORT, "page"], cwd=tmp_path / "below", env=more, check=True)
        [path] = (tmp_path / "below").iterdir()
        assert path.stem == (name or "of_the_shell")
        path.unlink()


def test_a_dotenv_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With its path, and no traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    done = commands.run([commands.REPORT, "clients"], cwd=tmp_path, env={}, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path}/.env cannot be read: it is no text in UTF-8")
    assert done.stderr.count("\n") == 1


def test_the_page_says_how_fresh_it_is(copy: Copy, page: Callable[..., Made]) -> None:
    """And asks for a sync if the newest row was read days ago."""
    copy.run("UPDATE time_entries SET _sdc_extracted_at = '2026-06-29T08:00:00Z'")
    html = page(copy.url).html
    assert "The newest time entry was read from Harvest on 29 June 2026.</p>" in html

    copy.run("UPDATE time_entries SET _sdc_extracted_at = '2026-06-09T08:00:00Z'")
    told = "The newest time entry was read from Harvest on 9 June 2026. Sync again"
    assert told in page(copy.url).html


def test_the_page_is_opened_and_nobody_else_may_read_it(copy: Copy, tmp_path: Path) -> None:
    """By the browser that the system names; a page that is not written whole leaves the old one."""
    seen = tmp_path / "seen"
    look = tmp_path / "browser.py"
    look.write_text(f"import sys; open({str(seen)!r}, 'w').write(sys.argv[1])", encoding="utf-8")
    page = tmp_path / "page.html"
    commands.run(
        [commands.REPORT, "page", "--database", copy.url, "--out", page, "--open"],
        env=os.environ | {"BROWSER": f"{sys.executable} {look} %s"},
        check=True,
    )

    assert seen.read_text(encoding="utf-8") == page.as_uri()
    assert page.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_clients_and_queries_are_listed(copy: Copy) -> None:
    """A query is printed as a database's own shell takes it."""
    listed = CliRunner().invoke(main, ["clients", "--database", copy.url]).output
    wanted = copy.run("SELECT DISTINCT client__id, client__name FROM time_entries ORDER BY 2, 1")
    assert listed == "".join(f"{number}\t{name}\n" for number, name in wanted)

    def printed(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["sql", *arguments]).output

    assert "receivables" in printed()
    assert "due_date >= :as_of" in printed("receivables")
    assert "due_date >= @as_of" in printed("receivables", "--dialect", "mssql")
    assert "due_date >= $as_of" in printed("receivables", "--dialect", "duckdb")
    assert 'FROM "own".invoices' in printed(
        "receivables", "--dialect", "postgresql", "--schema", "own"
    )
    assert printed("nothing").startswith("Error: There is no query of that name.")
    assert printed("--dialect", "oracle").startswith("Error: --dialect is not one of sqlite,")


def test_a_hundred_thousand_entries_take_little_memory(copy: Copy, tmp_path: Path) -> None:
    """The database adds up; the page stays small too."""
    [names] = zip(*copy.run("SELECT name FROM pragma_table_info('time_entries')"), strict=True)
    columns = ", ".join(name for name in names if name != "id")
    copy.run(
        f"INSERT INTO time_entries (id, {columns}) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
        f"SELECT x + 1 FROM n WHERE x < 334) SELECT id * 1000 + x, {columns} FROM n, time_entries"
    )
    [(count,)] = copy.run("SELECT count(*) FROM time_entries")
    assert count > 100_000
    look = (
        "import sys; from harvest_report.cli import main; "
        "main(sys.argv[1:], standalone_mode=False); print(open('/proc/self/status').read())"
    )
    page = tmp_path / "page.html"

    done = subprocess.run(
        [sys.executable, "-c", look, "page", "--database", copy.url, "--out", page],
        capture_output=True,
        text=True,
        check=True,
    )

    # Not `ru_maxrss`, which a process takes over from the one that started it.
    [most] = re.findall(r"^VmHWM:\s+(\d+) kB$", done.stdout, re.MULTILINE)
    assert int(most) * 1024 < MOST_MEMORY
    assert page.stat().st_size < MOST_BYTES
