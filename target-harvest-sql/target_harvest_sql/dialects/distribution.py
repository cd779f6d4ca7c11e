"""Statements that distribute a table over the nodes of a cluster."""

from __future__ import annotations

from typing import NamedTuple


class DistributionStatements(NamedTuple):
    """How a database distributes tables.

    Bound are `schema` (null for the default one), `table` and, where they are named, `column`,
    `shards` and `like`, another table of the schema.
    """

    find: str
    """Gives how a table is distributed: `column`, `reference` or `single` (one shard, on one node);
    then the column, its type, and the number of shards. No row for a local table."""
    prepare: str
    """Run before one of the following, in its transaction."""
    by_column: str
    """Distributes the rows over the nodes by the values of `column`."""
    by_column_in: str
    """Does so in a number of `shards`."""
    by_column_like: str
    """Does so in the way of the table `like`: rows with equal values stay on the same node."""
    as_reference: str
    """Copies all rows to all nodes."""
    as_single_shard: str
    """Puts all rows on the node of the table `like`."""
