"""What to do about the errors of SQLite, by the names of its primary result codes."""

from __future__ import annotations

from typing import Final

from target_harvest_sql.dialects.hints import by_error

HINTS: Final = by_error(
    (
        "Another process holds the file: wait until it ends, or wait longer with `?timeout=`.",
        "SQLITE_BUSY",
        "SQLITE_LOCKED",
    ),
    (
        "Give the user of this process the right to write the file and its folder.",
        "SQLITE_READONLY",
    ),
    ("Create the folder that `sqlalchemy_url` names, with the right to write.", "SQLITE_CANTOPEN"),
    ("Free space on the disk.", "SQLITE_FULL"),
    ("Look at the disk, or at the network folder, that holds the file.", "SQLITE_IOERR"),
    ("Let `sqlalchemy_url` name an SQLite file, or one that does not exist.", "SQLITE_NOTADB"),
    ("The file is damaged: restore a copy of it.", "SQLITE_CORRUPT"),
    (
        (
            "An INTEGER PRIMARY KEY holds integers alone: rename or drop the table, or set "
            "`load_method: overwrite`."
        ),
        "SQLITE_MISMATCH",
    ),
    (
        "Drop the index or view that uses the column, or the table.",
        "SQLITE_ERROR error in",
        "SQLITE_ERROR cannot drop column",
    ),
    (
        "Drop the views of the table, and create them again after the run.",
        "SQLITE_ERROR SQL logic error",
    ),
    (
        "Give the stream another name with `stream_maps` and `__alias__`.",
        "SQLITE_ERROR object name reserved for internal use",
    ),
)
