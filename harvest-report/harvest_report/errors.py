"""Errors that end the command with one line."""

from __future__ import annotations

import click


class ReportError(click.ClickException):
    """A fault that the user can mend; its text says how. The exit code is 1."""
