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
    """As at the beginning of `sqlalchemy_url`."""

    extra: ClassVar[str] = ""
    """The extra of this package that installs the driver; none where Python brings it."""

    example_url: ClassVar[str]
    """An `sqlalchemy_url` as most users have it."""

    has_schemas: ClassVar[bool]
    """Whether tables live in SQL namespaces."""

    keeps_nul: ClassVar[bool]
    """Whether text may hold the character U+0000; where not, U+FFFD takes its place."""

    lossy_kinds: ClassVar[frozenset[Kind]]
    """Kinds whose JSON numbers lose the digits that a double does not keep. Such a number is
    refused, but for those of `KINDS_OF_TEXT`, which are sent as text. If `json` is one of them,
    numbers with a fraction or an exponent inside JSON lose such digits."""

    keeps_json_integers: ClassVar[bool] = True
    """Whether JSON keeps integers beyond 64 bits."""

    second_digits: ClassVar[int] = 6
    """How many digits of a second columns of date-times and times keep, where they are no text.
    A value with more is refused."""

    type_second_digits: ClassVar[Mapping[str, int]] = {}
    """The same of types that other programs make, where the type does not say it in brackets."""

    nulls_misfits: ClassVar[bool] = False
    """Whether an object where a column takes a value, or the reverse, is read as null. If so,
    records are held against the shape of the table, even where they are not validated."""

    types: ClassVar[Mapping[Kind, str]]
    """The column type of each kind, as the database reports it back."""

    held_kinds: ClassVar[HeldKinds] = HeldTable()
    """What columns of other types than those of `types` hold. It goes before `types`."""

    widenings: ClassVar[Sequence[Widening]] = ()
    """How columns get wider types. The first row that fits is taken."""

    decimals: ClassVar[Decimals] = Decimals()
    """Which columns become decimals of limited size, whatever `types` says."""

    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {}
    """Column types that other programs make and this one does not, with the form of values that
    each holds: how a value is converted, with `{}` for the value."""

    declared_types: ClassVar[Sequence[Declared]] = ()
    """Further column types, which hold values only where a schema has named the type."""

    hints: ClassVar[Mapping[str, str]] = {}
    """What to do about errors, as `by_error` makes it."""

    open_sql: ClassVar[Sequence[str]] = ()
    """Run once on a new connection."""

    begin_sql: ClassVar[str] = "BEGIN"
    """Begins a transaction that will write."""

    transaction_settings_sql: ClassVar[Sequence[str]] = ()
    """Settings of each transaction; run after `begin_sql`."""

    has_lanes: ClassVar[bool] = True
    """Whether several connections may write to a table at once."""

    lock_sql: ClassVar[str] = ""
    """Takes a table for a connection until that is closed; gives true, or false if another one has
    it. Bound are `schema` (null for the default one) and `table`. Empty where there is no lock."""

    alone_sql: ClassVar[Sequence[str]] = ()
    """Fail while another process has the database open. Empty where a table's lock, or the database
    itself, keeps other runs away."""

    held_sql: ClassVar[str] = ""
    """Gives true if the connection that asks has the lock of `lock_sql`. Bound are the same."""

    leases: ClassVar[LeaseStatements | None] = None
    """Takes the place of `lock_sql` where the database has several nodes that take writes."""

    distribution: ClassVar[DistributionStatements | None] = None
    """Distributes tables over the nodes of a cluster, where the database is one."""

    transaction_sql: ClassVar[str] = ""
    """Asks for the number of the current transaction; empty where nothing tells of its outcome."""

    rights_sql: ClassVar[str] = ""
    """Asks for the statements that give a table the rights of the one that it replaces, a row each.
    Bound are `schema`, `table` (the old table) and `filled` (the new one); the statements are run
    when the new table has the old one's name. Empty where nothing is lost, or nothing can be kept.
    """

    outcome_sql: ClassVar[str] = ""
    """Asks what became of the transaction bound as `number`: `committed`, `aborted` or `in
    progress`; null if that is not known."""

    batch_start: ClassVar[bytes] = b"["
    batch_separator: ClassVar[bytes] = b","
    batch_end: ClassVar[bytes] = b"]"
    """What stands before, between and after the elements of a batch."""

    upserts: ClassVar[Upserts] = OnConflict()
    """How a batch updates the rows of its keys."""

    swaps: ClassVar[Swaps] = OneByOne()
    """How new tables take the places of old ones."""

    deletes: ClassVar[Deletes] = WhereIn()
    """How the rows are deleted whose keys are in a batch."""

    statement_rows: ClassVar[int] = 1_000_000
    """How many elements of a batch one statement takes best; a batch is one transaction still."""

    list_length: ClassVar[int] = 0
    """How many values a list within an element holds, where elements are lists and paths are
    positions; 1 where each value stands in the element itself."""
