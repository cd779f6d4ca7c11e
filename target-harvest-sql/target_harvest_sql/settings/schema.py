"""What a user may set."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

from target_harvest_sql.settings.address import MAX_PORT
from target_harvest_sql.settings.load_method import LoadMethod

MAX_LANES: Final = 64
"""More connections than this make no server write faster."""

MAX_ROWS: Final = 1_000_000_000
MAX_BYTES: Final = 2**40
MAX_SECONDS: Final = 365 * 24 * 60 * 60
"""Beyond what anybody needs, and still a size of memory and a length of time."""

SETTINGS: Final = th.PropertiesList(
    th.Property(
        "sqlalchemy_url",
        th.StringType(min_length=1),
        secret=True,
        title="Database URL",
        description="Where the database is, for instance postgresql://user:password@host/database. "
        "Default: sqlite:///harvest.db, if `dialect` is not set either.",
    ),
    th.Property(
        "dialect",
        th.StringType(min_length=1),
        title="Database",
        description="The database, in place of `sqlalchemy_url`: what stands there before ://, for "
        "instance postgresql. The next six settings then say the rest, without escaping.",
    ),
    th.Property(
        "host",
        th.StringType(min_length=1),
        title="Host",
        description="Name or address of the server.",
    ),
    th.Property(
        "port",
        th.IntegerType(minimum=1, maximum=MAX_PORT),
        title="Port",
        description="Port of the server. Default: the usual port of the database.",
    ),
    th.Property(
        "user",
        th.StringType(min_length=1),
        title="User",
        description="Name of the user to sign in with.",
    ),
    th.Property(
        "password",
        th.StringType,
        secret=True,
        title="Password",
        description="Password of the user, as it is.",
    ),
    th.Property(
        "database",
        th.StringType(min_length=1),
        title="Database Name",
        description="Name of the database; of SQLite and DuckDB the path of the file.",
    ),
    th.Property(
        "connection_options",
        th.ObjectType(additional_properties=True),
        secret=True,
        title="Connection Options",
        description="What would follow ? in the URL, as an object such as "
        '`{"sslmode": "verify-full"}`.',
    ),
    th.Property(
        "ssl_certificate_authority",
        th.StringType(min_length=1),
        secret=True,
        title="SSL Certificate Authority",
        description="Certificate of who signed the server's, of PostgreSQL, MariaDB and MySQL: its "
        "text, or the path of a file. The server's certificate and name are then checked.",
    ),
    th.Property(
        "ssl_client_certificate",
        th.StringType(min_length=1),
        secret=True,
        title="SSL Client Certificate",
        description="Certificate to sign in with: its text, or the path of a file.",
    ),
    th.Property(
        "ssl_client_private_key",
        th.StringType(min_length=1),
        secret=True,
        title="SSL Client Private Key",
        description="Key of that certificate: its text, or the path of a file.",
    ),
    th.Property(
        "ssh_host",
        th.StringType(min_length=1),
        title="SSH Host",
        description="An SSH server through which the database is reached, by the program ssh; or a "
        "name from ~/.ssh/config. Host and port of the database are then as that server sees them.",
    ),
    th.Property(
        "ssh_port",
        th.IntegerType(minimum=1, maximum=MAX_PORT),
        title="SSH Port",
        description="Port of the SSH server, if it is not the usual one.",
    ),
    th.Property(
        "ssh_user",
        th.StringType(min_length=1),
        title="SSH User",
        description="User of the SSH server.",
    ),
    th.Property(
        "ssh_private_key",
        th.StringType(min_length=1),
        secret=True,
        title="SSH Private Key",
        description="Key of that user, without a passphrase: its text, or the path of a file. "
        "Without it, ssh takes the keys of its agent and of ~/.ssh.",
    ),
    th.Property(
        "ssh_known_hosts",
        th.StringType(min_length=1),
        title="SSH Known Hosts",
        description="The SSH server's own key, as ssh-keyscan prints it, or the path of such a "
        "file. Without it, the server must be in ~/.ssh/known_hosts.",
    ),
    th.Property(
        "default_target_schema",
        th.StringType(min_length=1),
        title="Default Target Schema",
        description="SQL schema of all tables, where the database has schemas. Without it, a "
        "stream called schema-table or schema.table goes to that schema.",
    ),
    th.Property(
        "distribute_by",
        th.StringType(min_length=1),
        title="Distribute By",
        description="How Citus distributes a new table: key is by the first property of its key, "
        "or give the name of another property of the key; reference copies the table to all nodes. "
        "Without it, a new table stays on the coordinator. Tables that exist stay as they are.",
    ),
    th.Property(
        "grant_select_to",
        th.StringType(min_length=1),
        title="Grant Select To",
        description="A role, or a user, that gets SELECT on each table that the target makes, and "
        "USAGE on a schema that it makes. Tables that are there keep their grants.",
    ),
    th.Property(
        "load_method",
        th.StringType,
        default="upsert",
        allowed_values=[method.value for method in LoadMethod],
        title="Load Method",
        description="upsert inserts or updates by key, and appends where a stream has no key; "
        "append-only only inserts; overwrite replaces the table when the run ends and the "
        "stream was read whole, so each run must bring everything (`--full-refresh`).",
    ),
    th.Property(
        "overwrite_requires",
        th.StringType,
        default="proof",
        allowed_values=["proof", "end_of_input"],
        title="Overwrite Requires",
        description="What overwrite needs to replace a table: proof is a message which says that "
        "the stream was read whole; end_of_input is for taps that send none, and also replaces "
        "tables if the tap was killed or skipped a stream.",
    ),
    th.Property(
        "newest_wins",
        th.StringType(min_length=1),
        title="Newest Wins",
        description="A property such as updated_at: a record that is older there than the row "
        "of its key does not overwrite it. Without it, and in streams that lack the property, "
        "the later record wins.",
    ),
    th.Property(
        "add_record_metadata",
        th.BooleanType,
        default=True,
        title="Add Record Metadata",
        description="Whether tables get the _sdc_ columns.",
    ),
    th.Property(
        "validate_records",
        th.BooleanType,
        default=True,
        title="Validate Records",
        description="Whether records are held against the schema of their stream.",
    ),
    th.Property(
        "invalid_records",
        th.StringType,
        default="fail",
        allowed_values=["fail", "quarantine"],
        title="Invalid Records",
        description="What to do with a record that does not fit its schema, lacks a key, or is "
        "refused by the database: fail after all that came before it is written, or put it in "
        "the table _sdc_rejected and go on.",
    ),
    th.Property(
        "invalid_records_limit",
        th.IntegerType(minimum=0, maximum=MAX_ROWS),
        title="Invalid Records Limit",
        description="With `invalid_records: quarantine`, how many records of a run may be put in "
        "_sdc_rejected. One more ends the run with an error, and no further state is printed. "
        "Default: any number.",
    ),
    th.Property(
        "primary_key_required",
        th.BooleanType,
        default=False,
        title="Primary Key Required",
        description="Whether a stream without key properties ends the run with an error. "
        "Otherwise its records are appended.",
    ),
    th.Property(
        "on_inexact",
        th.StringType,
        default="fail",
        allowed_values=["fail", "round"],
        title="On Inexact",
        description="What to do with a value that has more digits than its column keeps, or a "
        "time of day with an offset: fail as with an invalid record, or round it (a time is cut, "
        "or becomes that of UTC). The end of the run says how many. Keys are never rounded.",
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=False,
        title="Hard Delete",
        description="Whether deleted rows, and rows of older versions, are removed rather than "
        "marked in _sdc_deleted_at.",
    ),
    th.Property(
        "process_activate_version_messages",
        th.BooleanType,
        default=True,
        title="Process ACTIVATE_VERSION Messages",
        description="Whether rows of older versions are deleted or marked at all.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1, maximum=MAX_ROWS),
        default=10_000,
        title="Batch Size Rows",
        description="Records of a stream that are written at once, at most.",
    ),
    th.Property(
        "batch_size_bytes",
        th.IntegerType(minimum=1, maximum=MAX_BYTES),
        default=8 * 1024 * 1024,
        title="Batch Size Bytes",
        description="Bytes that all streams together hold back before the largest batch is "
        "written.",
    ),
    th.Property(
        "batch_wait_limit_seconds",
        th.NumberType(exclusive_minimum=0, maximum=MAX_SECONDS),
        default=60,
        title="Batch Wait Limit Seconds",
        description="Seconds after which a batch is written though it is not full.",
    ),
    th.Property(
        "lanes",
        th.IntegerType(minimum=1, maximum=MAX_LANES),
        default=2,
        title="Lanes",
        description="Connections that write side by side; SQLite and DuckDB have one.",
    ),
    th.Property(
        "lock_wait_limit_seconds",
        th.NumberType(minimum=0, maximum=MAX_SECONDS),
        default=600,
        title="Lock Wait Limit Seconds",
        description="How long a table is waited for that another run writes to.",
    ),
    th.Property(
        "max_message_bytes",
        th.IntegerType(minimum=1, maximum=MAX_BYTES),
        default=64 * 1024 * 1024,
        title="Max Message Bytes",
        description="Bytes of the longest line of the input, or of a BATCH file, that is read. "
        "SQLite needs about 20 bytes of memory for each of a line, others about 8.",
    ),
    th.Property(
        "lower_case_names",
        th.BooleanType,
        default=False,
        title="Lower-Case Names",
        description="Whether tables and columns get lower-case names, as most other targets name "
        "them: createdAt becomes createdat.",
    ),
    th.Property(
        "flattening_enabled",
        th.BooleanType,
        default=False,
        title="Flattening",
        description="Whether objects inside a record become columns of their own.",
    ),
    th.Property(
        "flattening_max_depth",
        th.IntegerType(minimum=0),
        title="Flattening Depth",
        description="How many levels of objects become columns.",
    ),
    th.Property(
        "flattening_max_key_length",
        th.IntegerType(minimum=1),
        title="Flattened Name Length",
        description="The longest name that flattening may make, in characters.",
    ),
    th.Property(
        "flattening_separator",
        th.StringType,
        default="__",
        title="Flattening Separator",
        description="What stands between the names of an object and its field.",
    ),
).to_dict()
"""As the SDK takes them."""
