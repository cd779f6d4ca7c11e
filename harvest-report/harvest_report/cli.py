"""The command `harvest-report`: makes pages, lists clients, and prints queries."""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from harvest_report.environment import read_dotenv
from harvest_report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harvest_report.clients import Client

DEFAULT_URL: Final = "sqlite:///warehouse.db"
"""The database if no setting names one: what this project's meltano.yml fills."""

YEARS: Final = range(1900, 2200)
"""The years that a day may be of. Another one is a slip of the keyboard."""

STANDARD_OUTPUT: Final = "-"

MOST_OF_A_NAME: Final = 50
"""How many characters of a client's name are in the name of a file, which has at most 255 bytes."""


class Day(click.ParamType[dt.date]):
    """A day such as 2031-04-09."""

    name = "day"

    def convert(self, value: Any, _param: Any, _context: Any) -> dt.date:
        """Read it."""
        with suppress(ValueError):
            day = dt.date.fromisoformat(value)
            if day.year in YEARS:
                return day
        return self.fail("Write a day like 2031-04-09.")


def database_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name the database."""
    for option in (
        click.option(
            "--schema",
            envvar="HARVEST_REPORT_SCHEMA",
            help="SQL schema of the tables. Default: the connection's own.",
        ),
        click.option(
            "--database",
            "address",
            envvar=["HARVEST_REPORT_SQLALCHEMY_URL", "DATABASE_URL"],
            default=DEFAULT_URL,
            show_default=True,
            help="URL of the database, as the target's sqlalchemy_url.",
        ),
    ):
        command = option(command)
    return command


class Command(click.Group):
    """The command line. If standard output cannot be written, it ends with one line."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command, as click does."""
        try:
            try:
                return super().main(*arguments, **options)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except OSError as error:
            if error.filename is not None:  # It is about another file.
                raise
            if not isinstance(error, BrokenPipeError):
                ReportError(
                    f"Standard output cannot be written: {error.strerror}. Make room there, or "
                    "name another file."
                ).show()
            # Python would write the rest once more when it ends, and fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="harvest-report")
def main() -> None:
    """Pages of a Harvest account that was synced into a SQL database."""
    read_dotenv()  # Before the options of the command take their variables.


@main.command()
@database_options
@click.option("--client", help="Make the page for this client: a name or an id.")
@click.option("--people", is_flag=True, help="With --client: name who did the work.")
@click.option("--notes", is_flag=True, help="With --client: show the notes of entries.")
@click.option("--from", "first", type=Day(), help="First day. Default: 12 months of data.")
@click.option("--to", "last", type=Day(), help="Last day. Default: the last month with data.")
@click.option(
    "--as-of",
    type=Day(),
    envvar="HARVEST_REPORT_AS_OF",
    help="Day that ages are counted to. Default: today.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    envvar="HARVEST_REPORT_OUT",
    help="File to write; - for standard output. Default: harvest-report.html, with --client and "
    "its name.",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
def page(
    address: str,
    schema: str | None,
    client: str | None,
    out: str | None,
    *,
    first: dt.date | None,
    last: dt.date | None,
    as_of: dt.date | None,
    people: bool,
    notes: bool,
    is_opened: bool,
) -> None:
    """Make an HTML page of the account, or the page for one client.

    The page for a client holds no rate, no cost, and no other client's name. It names people and
    shows notes only if you ask for them.
    """
    # Only here: `--help` needs none of it.
    from harvest_report.database import open_database
    from harvest_report.page import Asked, make_page

    if client is None and (people or notes):
        raise ReportError("--people and --notes need --client. The account's page has no entries.")
    if out == STANDARD_OUTPUT and is_opened:
        raise ReportError("--open needs a file. Give --out a path, or leave it out.")
    asked = Asked(first, last, as_of, client, people, notes)
    with open_database(address, schema or None) as database:
        made = make_page(database, asked)
    for warning in made.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if out == STANDARD_OUTPUT:
        click.echo(made.html, nl=False)
        return
    path = Path(out or _file_name(made.client))
    _write(path, made.html)
    click.echo(path.absolute().as_uri())
    if is_opened and not webbrowser.open(path.absolute().as_uri()):
        raise ReportError("No browser can be started here. Open the address above yourself.")


@main.command()
@database_options
def clients(address: str, schema: str | None) -> None:
    """List the clients that have time, with their ids."""
    from harvest_report.database import open_database

    with open_database(address, schema or None) as database:
        if told := database.missing("clients_held"):
            raise ReportError(told)
        for row in database.rows("clients_held"):
            click.echo(f"{row['id']}\t{row['name']}")


@main.command()
@click.argument("name", required=False)
@click.option(
    "--dialect",
    default="sqlite",
    show_default=True,
    help="sqlite, duckdb, postgresql, mariadb, mysql or mssql.",
)
@click.option("--schema", help="SQL schema of the tables.")
def sql(name: str | None, dialect: str, schema: str | None) -> None:
    """Print a query in the SQL of a database; without NAME, list the queries."""
    from harvest_report.queries import DIALECTS, SIGNS, queries

    if dialect not in DIALECTS:
        raise ReportError(f"--dialect is not one of {', '.join(DIALECTS)}.")
    if name is None:
        for query in queries().values():
            click.echo(f"{query.name:<32}{query.title}")
    elif name in queries():
        sign = SIGNS.get(dialect, ":")
        click.echo(queries()[name].written_for(dialect, schema=schema, sign=sign))
    else:
        raise ReportError("There is no query of that name. `harvest-report sql` lists them.")


def _file_name(client: Client | None) -> str:
    if client is None:
        return "harvest-report.html"
    slug = re.sub(r"[^\w]+", "-", client.name)[:MOST_OF_A_NAME].strip("-").lower()
    return f"harvest-report-{slug or client.client_id}.html"


def _write(path: Path, text: str) -> None:
    """Write the file whole, or leave the old one. Only the user may read it."""
    path = path.resolve()  # A link stays one.
    new = path.with_name(f".{path.name}.new")
    try:
        if path.exists() and not path.is_file():  # A pipe or a device, which must stay.
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise ReportError(f"The page cannot be written to {path}: {error.strerror}.") from error
