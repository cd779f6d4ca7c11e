"""Several servers of the same data in one URL, which are tried one after another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from target_harvest_sql.drivers.options import OptionError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

MAX_PORT: Final = 65535

_PLACE: Final = re.compile(
    r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^\s:\[\]]+))(?::(?P<port>\d{1,5}))?"
)


def hosts(url: URL) -> list[tuple[str | None, int | None]]:
    """List the servers of a URL by host and port. `None` is the default of the driver.

    A URL names its hosts before the database, with commas between them; they share its port. The
    query may name more hosts: `?host=a:3307&host=b:3308`.

    Raises:
        OptionError: If a host of the query cannot be read.
    """
    found: list[tuple[str | None, int | None]] = []
    if url.host:
        found += [(host, url.port) for host in url.host.split(",") if host]
    given = url.query.get("host", ())
    for text in (given,) if isinstance(given, str) else given:
        for part in text.split(","):
            place = _PLACE.fullmatch(part)
            port = int(place["port"]) if place and place["port"] else url.port
            if place is None or not (port is None or 0 < port <= MAX_PORT):
                raise OptionError("the option host is not a host, or a host and its port: a:3306")
            found.append((place["ipv6"] or place["name"], port))
    return found or [(None, url.port)]
