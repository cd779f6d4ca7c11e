"""The facts of a database that its dialect declares: limits, types, fixed statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_harvest_sql.dialects.decimals import Decimals
from target_harvest_sql.dialects.deletes import WhereIn
from target_harvest_sql.dialects.held_kinds import HeldTable
from target_harvest_sql.dialects.swaps import OneByOne
from target_harvest_sql.dialects.upserts import OnConflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Form, Kind
    from target_harvest_sql.dialects.declared import Declared
    from target_harvest_sql.dialects.deletes import Deletes
    from target_harvest_sql.dialects.distribution import DistributionStatements
    from target_harvest_sql.dialects.held_kinds import HeldKinds
    from target_harvest_sql.dialects.leases import LeaseStatements
    from target_harvest_sql.dialects.swaps import Swaps
    from target_harvest_sql.dialects.upserts import Upserts
    from target_harvest_sql.dialects.widening import Widening


class Facts:
    """What a dialect declares. What has no value here, each dialect must declare."""

    name: ClassVar[str]
    """The name at the beginning of `sqlalchemy_url`."""

    extra: ClassVar[str] = ""
    """The extra of this package that installs the driver; empty if Python has the driver."""

    example_url: ClassVar[str]
    """A typical `sqlalchemy_url`, for messages."""

    has_schemas: ClassVar[bool]
    """Whether the database has SQL namespaces."""

    keeps_nul: ClassVar[bool]
    """Whether text may hold the character U+0000. If not, U+FFFD takes its place."""

    lossy_kinds: ClassVar[frozenset[Kind]]
    """Kinds of columns that keep no more digits of a JSON number than a double has. A number with
    more digits is refused. A number of one of `KINDS_OF_TEXT` is sent as text instead. `json` means
    that numbers with a fraction or an exponent inside JSON lose digits."""

    keeps_json_integers: ClassVar[bool] = True
    """Whether JSON keeps integers beyond 64 bits."""

    second_digits: ClassVar[int] = 6
    """How many digits of a second the columns of date-times and times keep. A value with more
    digits is refused. Columns of text keep all."""

    type_second_digits: ClassVar[Mapping[str, int]] = {}
    """How many digits of a second a type of another program keeps, if the type has no brackets that
    say it."""

    nulls_misfits: ClassVar[bool] = False
    """Whether the database reads an object as null where a column takes a value, and a value as
    null where a column takes an object. If so, each record is compared with the columns, even
    without `validate_records`."""

    types: ClassVar[Mapping[Kind, str]]
    """The column type of each kind, as the database reports it back."""

    held_kinds: ClassVar[HeldKinds] = HeldTable()
    """What columns of further types hold. The target looks here before it looks into `types`."""

    widenings: ClassVar[Sequence[Widening]] = ()
    """How the type of a column becomes wider. The first row that fits is taken."""

    decimals: ClassVar[Decimals] = Decimals()
    """Which columns become decimals of a limited size, in place of the type of `types`."""

    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {}
    """Column types that only other programs make. The key is a type and the form of values that it
    holds; the value is the conversion, with `{}` for the value of a record."""

    declared_types: ClassVar[Sequence[Declared]] = ()
    """Further column types, which hold values only where a schema has named the type."""

    hints: ClassVar[Mapping[str, str]] = {}
    """What to do about errors, as `by_error` makes it."""

    open_sql: ClassVar[Sequence[str]] = ()
    """Statements that are run once on a new connection."""

    begin_sql: ClassVar[str] = "BEGIN"
    """Begins a transaction that writes."""

    transaction_settings_sql: ClassVar[Sequence[str]] = ()
    """Statements that are run after `begin_sql`, as their settings last for one transaction."""

    has_lanes: ClassVar[bool] = True
    """Whether several connections may write to a table at once."""

    lock_sql: ClassVar[str] = ""
    """Locks a table for a connection, until the connection is closed. The result is true, or false
    if another connection has the lock. Bound are `schema` (null for the default schema) and
    `table`. Empty if the database has no such lock."""

    alone_sql: ClassVar[Sequence[str]] = ()
    """Statements that fail while another process has the database open. Empty if a lock of a table,
    or the database itself, keeps other runs away."""

    held_sql: ClassVar[str] = ""
    """Asks whether this connection has the lock of `lock_sql`. Bound are the same values."""

    leases: ClassVar[LeaseStatements | None] = None
    """Locks for a database with several nodes that take writes; used in place of `lock_sql`."""

    distribution: ClassVar[DistributionStatements | None] = None
    """Statements that distribute tables over the nodes of a cluster; `None` if there are no
    nodes."""

    transaction_sql: ClassVar[str] = ""
    """Asks for the number of the current transaction. Empty if the database does not tell what
    became of a transaction."""

    rights_sql: ClassVar[str] = ""
    """Asks for the statements that give a new table the rights of the old table, one statement a
    row. Bound are `schema`, `table` (the old table) and `filled` (the new table). The statements
    are run after the new table got the name of the old one. Empty if a swap loses no rights, or if
    the database has no way to keep them."""

    outcome_sql: ClassVar[str] = ""
    """Asks what became of the transaction whose number is bound as `number`. The result is
    `committed`, `aborted` or `in progress`, and null if the database does not know."""

    batch_start: ClassVar[bytes] = b"["
    batch_separator: ClassVar[bytes] = b","
    batch_end: ClassVar[bytes] = b"]"
    """The bytes before, between and after the elements of a batch."""

    upserts: ClassVar[Upserts] = OnConflict()
    """The strategy that inserts and updates the rows of a batch."""

    swaps: ClassVar[Swaps] = OneByOne()
    """The strategy that puts new tables in place of old ones."""

    deletes: ClassVar[Deletes] = WhereIn()
    """The strategy that deletes the rows whose keys are in a batch."""

    statement_rows: ClassVar[int] = 1_000_000
    """How many elements one statement takes. A larger batch becomes several statements of one
    transaction."""

    list_length: ClassVar[int] = 0
    """How an element of a batch is written: 0 for an object with names, 1 for a list of values,
    more for a list of lists with up to so many values each."""
