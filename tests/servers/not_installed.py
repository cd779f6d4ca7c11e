"""The error for a server whose programs are not installed."""


class NotInstalledError(Exception):
    """The programs of a server are not installed."""
