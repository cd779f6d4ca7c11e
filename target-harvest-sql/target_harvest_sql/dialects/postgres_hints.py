"""What to do about the errors of PostgreSQL.

Codes are those of SQLSTATE and, while a connection is opened, those of `drivers/postgres.py`.
"""

from __future__ import annotations

from typing import Final

from target_harvest_sql.dialects.hints import by_error

HINTS: Final = by_error(
    ("Correct the user and the password in `sqlalchemy_url`.", "28P01"),
    ("Correct the user in `sqlalchemy_url`, or let the server's pg_hba.conf admit it.", "28000"),
    ("Give the password in `sqlalchemy_url`, or in PGPASSWORD.", "no-password"),
    ("Let `sslrootcert` in `sqlalchemy_url` be the correct path.", "root-certificate"),
    ("Create it, or correct `sqlalchemy_url`.", "3D000", "3F000"),
    ("Correct host and port in `sqlalchemy_url`, or start the server.", "refused"),
    ("Correct host and port in `sqlalchemy_url`, or look why the server is silent.", "timeout"),
    ("Correct the host in `sqlalchemy_url`.", "unknown-host"),
    ("Let `sqlalchemy_url` name the host as the server's certificate does.", "host-name"),
    ("Change `sslmode` and the certificates in `sqlalchemy_url`, or the server's TLS.", "tls"),
    ("Correct what follows `?`, or the port, in `sqlalchemy_url`.", "option"),
    ("Let an owner create the schema, or grant CREATE.", "42501 permission denied for database"),
    ("Grant the user CONNECT on the database.", "42501 FATAL:  permission denied for database"),
    ("Let the user of `sqlalchemy_url` own the table.", "42501 must be owner"),
    ("Grant the user USAGE and CREATE on the schema, and its tables.", "42501"),
    ("Drop the view, and create it again after the run; or use upsert.", "2BP01"),
    (
        "Drop the view, and create it again after the run.",
        "0A000 cannot alter type of a column used by",
    ),
    (
        "Drop the policy, and create it again after the run.",
        "0A000 cannot alter type of a column used in a policy",
    ),
    ("Create the role, or correct `grant_select_to`.", "42704 role"),
    ("If a policy of the table names it, change the policy; else run again.", "42703"),
    ("Give the column the type text.", "22001"),
    ("Let `sqlalchemy_url` name the primary server, which can be written to.", "25006"),
    ("Free space on the server's disk.", "53100"),
    (
        "Raise `max_locks_per_transaction` of the server, or write fewer streams in one run.",
        "53200 out of shared memory",
    ),
    ("Give the server more memory, or lower `batch_size_bytes`.", "53200"),
    ("Raise `max_connections` of the server, or lower `lanes`.", "53300"),
    ("Choose fewer or shorter key properties, or drop the index of the column.", "54000"),
    (
        (
            "The record is nested too deeply: raise `max_stack_depth` of the server, or leave "
            "the property out, in the tap or with `stream_maps`."
        ),
        "54001",
    ),
    ("Flatten less, or select fewer properties.", "54011"),
    ("Another program holds the rows or the table: wait until it ends.", "55P03"),
    (
        "Raise `statement_timeout` for the user, or end the program that holds the rows.",
        "57014 canceling statement due to statement timeout",
    ),
)
