"""Certificates and keys that settings hold as text, in files that only this user can read.

Drivers and `ssh` read such things from files alone. The files are gone when the target ends, also
after a signal. They stay if the process is killed (SIGKILL).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk.exceptions import ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL


@dataclass(frozen=True)
class Form:
    """What a text looks like, so that it is not taken for a path."""

    pattern: re.Pattern[str]
    """Matches in each text, and in no path."""
    name: str
    """What it is, for errors."""


PEM: Final = Form(re.compile("-----BEGIN "), "a text that begins with -----BEGIN")
"""A certificate or a key.

RFC 7468, "General Considerations": https://www.rfc-editor.org/rfc/rfc7468#section-2
"""

KNOWN_HOSTS: Final = Form(
    re.compile(r" (?:sk-)?(?:ssh|ecdsa)-\S+ +AAAA"), "lines that ssh-keyscan prints"
)
"""The keys of SSH servers. Each begins with a length below 2^16, which is AAAA in base 64.

OpenBSD manual, "sshd(8)", SSH_KNOWN_HOSTS FILE FORMAT: https://man.openbsd.org/sshd.8
"""

TLS_SETTINGS: Final = (
    "ssl_certificate_authority",
    "ssl_client_certificate",
    "ssl_client_private_key",
)
"""The settings of TLS; the options of each driver stand in this order as well."""

OPTIONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "mariadb": ("ssl_ca", "ssl_cert", "ssl_key"),
    "mysql": ("ssl_ca", "ssl_cert", "ssl_key"),
    "postgresql": ("sslrootcert", "sslcert", "sslkey"),
}
"""What the drivers call them, by dialect."""

CHECKS: Final[Mapping[str, tuple[str, str]]] = {
    "mariadb": ("ssl_verify_identity", "true"),
    "mysql": ("ssl_verify_identity", "true"),
    "postgresql": ("sslmode", "verify-full"),
}
"""By dialect the option that has the server's certificate and name checked, and its value."""


class PrivateFiles:
    """Makes files in a folder of its own."""

    _all: ClassVar[weakref.WeakSet[PrivateFiles]] = weakref.WeakSet()

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    @classmethod
    def remove_all(cls) -> None:
        """Remove all files now, as the process ends without the steps of Python's own end."""
        for files in [*cls._all]:
            files.remove()

    def path(self, setting: str, given: str, form: Form = PEM) -> str:
        """Write a text into a file, unless it is the path of one; gives the path.

        Args:
            setting: Name of the setting, for the error.
            given: A path, or a text.
            form: What a text looks like.

        Raises:
            ConfigValidationError: If it is neither a text nor the path of a file that can be read.
        """
        if form.pattern.search(given):
            return self._write(given)
        path = os.path.expanduser(given)  # noqa: PTH111 - that of `Path` fails without a home.
        if not os.access(path, os.R_OK):
            # The value is not shown: it may be a piece of a key.
            sentence = (
                f"`{setting}` is neither the path of a file that can be read, nor {form.name}. "
                "Set it to one of them."
            )
            raise ConfigValidationError(sentence, errors=[sentence])
        return path

    def _write(self, text: str) -> str:
        """Write a text into a file; gives the path.

        Args:
            text: Its lines. A backslash and `n` may stand for the end of a line.
        """
        text = text.replace("\\n", "\n").strip()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="target-harvest-sql-"))
            # At the end of the process: a connection may be opened again until then.
            self.remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            PrivateFiles._all.add(self)
        self._count += 1
        path = self._folder / str(self._count)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123 - a mode is needed.
            file.write(f"{text}\n")
        return str(path)


def faults(dialect: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with the settings of TLS.

    Args:
        dialect: Of the URL.
        options: What follows `?` in the URL.
        settings: All settings by name.
    """
    given = [name for name in TLS_SETTINGS if settings.get(name) is not None]
    if given and dialect not in OPTIONS:
        names = ", ".join(f"`{name}`" for name in given)
        usable = ", ".join(OPTIONS)
        yield f"{names} cannot be used with {dialect}, only with {usable}. Leave it out."
        return
    for name, option in zip(TLS_SETTINGS, OPTIONS.get(dialect, ()), strict=False):
        if name in given and option in options:
            yield f"Both `{name}` and the option `{option}` are set. Keep one of them."


def with_certificates(url: URL, settings: Mapping[str, Any], files: PrivateFiles) -> URL:
    """Add the certificates and the key of the settings to a URL, as paths.

    With the certificate of an authority, the server's certificate and name are checked, unless the
    URL says how.

    Raises:
        ConfigValidationError: If the settings cannot be right.
    """
    dialect = url.get_backend_name()
    if wrong := list(faults(dialect, url.query, settings)):
        raise ConfigValidationError(wrong[0], errors=wrong)
    added = {
        option: files.path(name, settings[name])
        for name, option in zip(TLS_SETTINGS, OPTIONS.get(dialect, ()), strict=False)
        if settings.get(name) is not None
    }
    if settings.get(TLS_SETTINGS[0]) is not None:
        option, value = CHECKS[dialect]
        added = {option: value, **added} if option not in url.query else added
    return url.update_query_dict(added) if added else url
