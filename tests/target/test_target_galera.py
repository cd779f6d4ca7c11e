"""A Galera cluster: several MariaDB servers with the same data, each of which takes writes.

MariaDB documentation, "Galera Cluster": https://mariadb.com/docs/galera-cluster
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_run import activate, record, schema, state, write

if TYPE_CHECKING:
    from fix_galera import Galera


def test_what_one_node_wrote_is_changed_through_another(galera: Galera) -> None:
    """A new column, an update, and a deletion arrive through a second node."""
    first, second = galera.through(0), galera.through(1)
    write(
        first,
        schema("s", id="integer", n="integer"),
        *(record("s", 1, id=i, n=i) for i in (1, 2)),
        state(at=1),
    )
    printed = write(
        second,
        schema("s", id="integer", n="number", added="string"),
        record("s", 2, id=2, n=2.5, added="new"),
        activate("s", 2),
        state(at=2),
        hard_delete=True,
    )

    assert printed == ['{"at": 2}']
    assert [node.rows("s") for node in (first, second, galera.through(2))] == [
        [{"id": 2, "n": 2.5, "added": "new"}]
    ] * 3
