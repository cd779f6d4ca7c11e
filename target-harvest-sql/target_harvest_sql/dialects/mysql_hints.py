"""What to do about the errors of MySQL and MariaDB.

Codes are numbers of the server, and negative ones of `drivers/mysql.py`. A second number, behind
`/`, is that of the storage engine or the operating system.
"""

from __future__ import annotations

from typing import Final

from target_harvest_sql.dialects.hints import by_error

EXACT: Final = "exact_as_double"
"""Name of a constraint that refuses integers which a double would round."""

HINTS: Final = by_error(
    (
        (
            "Correct user and password in `sqlalchemy_url`, or grant the user rights on the "
            "database."
        ),
        "1044",
        "1045",
        "1698",
    ),
    ("Name a database in `sqlalchemy_url`, or set `default_target_schema`.", "1046"),
    ("Create it, or correct `sqlalchemy_url`.", "1049"),
    ("Change the `ssl_` options in `sqlalchemy_url`, or the server's TLS.", "2026"),
    ("Correct host and port in `sqlalchemy_url`, or start the server.", "2003"),
    ("Correct what follows `?` in `sqlalchemy_url`.", "-1"),
    ("Correct the paths in `sqlalchemy_url`.", "-2"),
    ("Install it, or ask for TLS with `?ssl_verify_cert=true`.", "-3"),
    (
        "Grant the user SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER and DROP.",
        "1142",
        "1143",
        "1227",
        "1370",
    ),
    ("Raise it on the server, or select less of the stream.", "1153"),
    (
        "Choose fewer or shorter key properties. If another column becomes text, drop its index.",
        "1071",
    ),
    ("Flatten less, or select fewer properties.", "1117", "1118", "1005/185", "1005/139"),
    ("Give the column the type longtext; a key holds as much as an index does.", "1406"),
    (f"Drop the constraint {EXACT}: a run ended while it widened a column.", "1826", "3822"),
    (
        "Let the tap declare the numbers as text with `format: singer.decimal`.",
        f"4025 CONSTRAINT `{EXACT}`",
        f"3819 Check constraint `{EXACT}`",
    ),
    (
        ("Drop the column whose name ends in __widened: a run ended while it widened another one."),
        "1060",
    ),
    ("Free space on the server's disk.", "1021", "1114", "3/28", "1026/28", "1030/28"),
    ("Give the server more memory.", "1037", "1038", "1041"),
    ("Raise `max_connections` of the server, or lower `lanes`.", "1040", "1203"),
    ("Another program holds the rows or the table: wait until it ends.", "1205"),
    ("Let `sqlalchemy_url` name a server that can be written to.", "1290", "1836"),
    ("Raise `max_statement_time`, or end the program that holds the rows.", "1969"),
    ("Raise `max_execution_time`, or end the program that holds the rows.", "3024"),
    (
        (
            "The record is nested too deeply for the server: leave the property out, in the "
            "tap or with `stream_maps`."
        ),
        "3157",
        "4040",
        "4178",
    ),
)
