"""The error of servers whose programs the system lacks."""


class NotInstalledError(Exception):
    """The programs of a server are not installed."""
