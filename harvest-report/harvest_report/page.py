"""Makes an HTML page: one file that loads nothing and runs no script.

MDN, "Content-Security-Policy":
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harvest_report.account_page import AccountPage
from harvest_report.client_page import ClientPage
from harvest_report.clients import find_client
from harvest_report.errors import ReportError
from harvest_report.name_filter import NameFilter
from harvest_report.periods import Period, default_period, to_day
from harvest_report.tables import day_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harvest_report.clients import Client
    from harvest_report.database import Database

MOST_BYTES: Final = 2_000_000
"""How large a page may be."""

STALE_DAYS: Final = 2
"""After how many days without a new row the page warns of it."""

UNUSED: Final = ("last_change",)
"""The result column of the query `time_held` that no page needs."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    first: dt.date | None = None
    last: dt.date | None = None
    as_of: dt.date | None = None
    """The day to which ages are counted; `None` for today."""
    client: str | None = None
    """Name or id of the client that the page is for; `None` for the account's page."""
    people: bool = False
    """Whether a client's page names people."""
    notes: bool = False
    """Whether a client's page has the notes of entries."""


@dataclass(frozen=True)
class Page:
    """A page, and what is to be said about it."""

    html: str
    client: Client | None
    """The client whose page it is."""
    warnings: Sequence[str] = ()


def make_page(database: Database, asked: Asked) -> Page:
    """Read the database, and make the page.

    Raises:
        ReportError: The days or the client asked for cannot be right, or the page gets too large.
    """
    if asked.client is not None:
        return _client_page(database, asked, find_client(database, asked.client))
    period, told = _period(database, asked)
    company = _company(database)
    page = AccountPage(database, period, company.get("week_start_day") or "Monday")
    sections = [] if told else list(page.sections())
    html = _rendered(
        title=company.get("name") or "Harvest account",
        above="Time and money",
        period=period,
        tiles=page.tiles,
        sections=sections,
        told=told,
        freshness=_freshness(database, period),
        is_for_client=False,
    )
    return Page(html, None)


def _client_page(database: Database, asked: Asked, client: Client) -> Page:
    period, _ = _period(database, asked)
    for entries in (True, False):
        name_filter = NameFilter(client.names, client.other_names)
        page = ClientPage(
            database,
            period,
            client.client_id,
            name_filter=name_filter,
            people=asked.people,
            notes=asked.notes,
            entries=entries,
        )
        sections = list(page.sections())
        html = _rendered(
            title=client.name,
            above=f"Time tracked by {_company(database).get('name') or 'us'}",
            period=period,
            sections=sections,
            tiles=page.tiles,
            told="" if sections else "There is nothing in this period.",
            freshness="",
            is_for_client=True,
        )
        if len(html.encode()) <= MOST_BYTES:
            break
    warnings = page.warnings
    if not sections:
        warnings.append(
            f"The page is empty: the client has nothing from {period.first} to {period.last}. "
            "Choose other days with --from and --to."
        )
    if name_filter.count:
        warnings.append(
            f"Names of other clients stood in {name_filter.count} texts. They are replaced by […]."
        )
    return Page(html, client, warnings)


def _period(database: Database, asked: Asked) -> tuple[Period, str]:
    """The days of the page, and what is missing for any page at all."""
    as_of = asked.as_of or dt.datetime.now(tz=dt.UTC).astimezone().date()
    told = database.missing("time_held", UNUSED) or ""
    [held] = [{"entries": 0}] if told else database.rows("time_held", UNUSED)
    if not told and not held["entries"]:
        told = "The database holds no time entries. Track time in Harvest, and sync again."
    days = {name: to_day(held.get(name)) for name in ("first_day", "last_day")}
    period = default_period(days, asked.first, asked.last, as_of)
    if period.first > period.last:
        raise ReportError(f"The period ends before it begins: {period.first} to {period.last}.")
    return period, told


def _company(database: Database) -> dict[str, Any]:
    if database.missing("company"):
        return {}
    return dict(next(iter(database.rows("company")), {}))


def _freshness(database: Database, period: Period) -> str:
    """Say when the newest row was read, and warn if that is long ago."""
    if database.missing("last_read"):
        return "When it was read from Harvest is not known."
    [row] = database.rows("last_read")
    if not (day := to_day(row["read_at"])):
        return "When it was read from Harvest is not known."
    told = f"The newest time entry was read from Harvest on {day_text(day)}."
    if (period.as_of - day).days > STALE_DAYS:
        told += " Sync again for newer figures."
    return told


def _rendered(**values: Any) -> str:
    css = (files("harvest_report") / "templates" / "page.css").read_text("utf-8")
    environment = Environment(
        loader=PackageLoader("harvest_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        **values,
        css=Markup(css),  # noqa: S704 - Our own file.
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        day_text=day_text,
    )
