"""What to do about the errors of SQL Server.

Codes are numbers of the server or of DB-Library, and `-` for an error without a number.
"""

from __future__ import annotations

from typing import Final

from target_harvest_sql.dialects.hints import by_error

_HINTS: Final = by_error(
    (
        (
            "Raise the compatibility level: ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = "
            "130, or more."
        ),
        "208 Invalid object name 'OPENJSON'",
    ),
    (
        "Let the firewall of the Azure SQL server admit the address of this machine.",
        "40615 Cannot open server ",
    ),
    ("Correct user, password and database in `sqlalchemy_url`.", "18456 Login failed for "),
    ("Correct the database in `sqlalchemy_url`, or let the user in.", "4060 Cannot open database "),
    ("The database is waking up or moving: run again in a minute.", "40613"),
    (
        "Correct what follows `?` in `sqlalchemy_url`.",
        "- an option is wrong",
        "- pymssql has no option",
    ),
    (
        (
            "Correct host and port in `sqlalchemy_url`, or start the server; a server without "
            "TLS needs `?encryption=request` with pymssql."
        ),
        "20002",
        "20009 Unable to connect",
        "- Unable to complete login",
        "- Login timeout expired",
        "- TCP Provider",
        "- Client unable to establish connection",
    ),
    (
        (
            "Let the server have a certificate that this machine trusts, or accept any with "
            "`?TrustServerCertificate=yes`."
        ),
        "- SSL Provider",
    ),
    (
        "Grant the user CREATE TABLE, and ALTER and CONTROL on the schema.",
        "229",
        "230",
        "262 CREATE TABLE permission denied",
        "262 CREATE SCHEMA permission denied",
        "1088 Cannot find the object ",
        "2760 The specified schema name ",
        "3701 Cannot drop the table ",
        "4902 Cannot find the object ",
        "15151",
    ),
    (
        "Give the key columns of text the collation Latin1_General_100_BIN2.",
        "468 Cannot resolve the collation conflict",
    ),
    (
        (
            "SQL Server takes texts that differ only in trailing spaces for one key: trim them "
            "with `stream_maps`, or set `load_method: append-only`."
        ),
        "2601 Cannot insert duplicate key row",
        "2627 Violation of PRIMARY KEY constraint",
        "2627 Violation of UNIQUE KEY constraint",
    ),
    (
        "A key of text has at most 450 characters; let other columns be nvarchar(max).",
        "2628 String or binary data would be truncated",
        "8152 String or binary data would be truncated",
        "8152 value too long",
    ),
    (
        (
            "The columns of a key have at most 900 bytes together, two a character: set other "
            "key properties with `stream_maps`, or `load_method: append-only`."
        ),
        "1946 Operation failed. The index entry",
    ),
    (
        (
            "A value is not of its column's type, or has more digits: correct the schema, or "
            "let `validate_records: true` tell which value."
        ),
        "220 Arithmetic overflow error",
        "232 Arithmetic overflow error",
        "241 Conversion failed",
        "242 The conversion of a ",
        "244 The conversion of the ",
        "245 Conversion failed",
        "248 The conversion of the ",
        "8114 Error converting data type",
        "8115 Arithmetic overflow error",
        "33557097 bigint out of range",
        "33557097 date out of range",
        "33557097 date/time field value out of range",
        "33557097 integer out of range",
        "33557097 interval out of range",
        "33557097 invalid input syntax",
        "33557097 numeric field overflow",
        "33557097 smallint out of range",
        "33557097 time out of range",
        "33557097 timestamp out of range",
        "33557097 value out of range",
        '33557097 value "',
    ),
    (
        "The column holds integers that a float would round: change its type.",
        '547 The ALTER TABLE statement conflicted with the CHECK constraint "__exact_as_float"',
    ),
    (
        "Another program holds the rows or the table: wait until it ends, and run again.",
        "1205 Transaction (Process ID",
        "1222 Lock request time out",
    ),
    ("Free space on the server's disk.", "1101", "1105 Could not allocate", "9002"),
    (
        "Give the database a larger maximum size, or delete what nobody needs.",
        "40544 The database has reached its size quota",
    ),
    (
        "Lower `batch_size_rows`, or give the database more resources.",
        "40549 Session is terminated because",
        "40550 The session has been terminated because",
        "40551 The session has been terminated because",
        "40552 The session has been terminated because",
        "40553 The session has been terminated because",
    ),
    (
        (
            "Let `sqlalchemy_url` name the listener of the availability group, so that it "
            "finds the primary replica."
        ),
        "976 The target database, ",
        "983 Unable to access availability database",
    ),
)

HINTS: Final = {
    **_HINTS,
    # One of the drivers tells no number of an error.
    **{
        f"- {beginning}": advice
        for error, advice in _HINTS.items()
        if (beginning := error.partition(" ")[2])
    },
}
