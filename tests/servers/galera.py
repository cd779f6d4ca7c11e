"""A private MariaDB Galera cluster on localhost, from the system's packages.

MariaDB documentation, "Galera Cluster": https://mariadb.com/docs/galera-cluster
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymysql

from servers import memory
from servers.mariadb import (
    SETTINGS,
    USER,
    install_data,
    programs,
    running,
    wait_until_ready,
)
from servers.not_installed import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS: Final = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
SAVED_STATE: Final = "version: 2.1\nuuid: {}\nseqno: 0\nsafe_to_bootstrap: 0\n"


@dataclass(frozen=True)
class Node:
    """One server of a cluster."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        """Return the URL of a database on this node."""
        return f"mariadb://tester:p%40ss%2Fw%25rd@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        """Connect to this node."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="tester",
            password=b"p@ss/w%rd",
            database=database,
        )

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        self.process.kill()
        self.process.wait()


@contextmanager
def galera_data() -> Iterator[Path]:
    """Create a data directory. Each node of a cluster starts with a copy.

    Raises:
        NotInstalledError: If the system has no MariaDB, or no Galera.
    """
    server, _ = programs()
    provider()
    with memory.folder("galera-") as folder:
        data = folder / "data"
        own = install_data(folder, data)
        subprocess.run(
            [server, *own, "--bootstrap"],
            input=f"USE mysql;\nFLUSH PRIVILEGES;\n{USER}".encode(),
            check=True,
            stderr=subprocess.DEVNULL,
        )
        yield data


@contextmanager
def galera_cluster(data: Path, count: int = 3) -> Iterator[list[Node]]:
    """Start the nodes of one cluster. They end with the context.

    No node gets its data from another one, which would take long. All begin with the same data,
    and with the files that a cluster leaves behind when all its nodes lose power at once:
    `grastate.dat`, with the position that the data is at, and `gvwstate.dat`, with the members.
    The nodes then come together again without a transfer.
    """
    server, _ = programs()
    members = sorted(str(uuid.uuid1(node=number)) for number in range(count))
    listed = "".join(f"member: {member} 0\n" for member in members)
    view = f"#vwbeg\nview_id: 3 {members[0]} 1\nbootstrap: 0\n{listed}#vwend\n"
    ports = _free_ports(count * 3)
    addresses = ",".join(f"127.0.0.1:{port}" for port in ports[count : count * 2])
    state = SAVED_STATE.format(uuid.uuid4())
    with ExitStack() as stack:
        nodes: list[Node] = []
        logs = []
        for number, member in enumerate(members):
            port, group_port, transfer_port = ports[number::count]
            folder = stack.enter_context(memory.folder("galera-"))
            own = shutil.copytree(data, folder / "data")
            (own / "grastate.dat").write_text(f"# GALERA saved state\n{state}")
            (own / "gvwstate.dat").write_text(f"my_uuid: {member}\n{view}")
            provider_options = (
                f"base_host=127.0.0.1;base_port={group_port};"
                f"gmcast.listen_addr=tcp://127.0.0.1:{group_port};"
                f"ist.recv_addr=127.0.0.1:{transfer_port};gcache.size=16M"
            )
            settings = {
                **SETTINGS,
                "binlog-format": "ROW",
                "innodb-autoinc-lock-mode": "2",
                "wsrep-cluster-address": f"gcomm://{addresses}",
                "wsrep-node-address": "127.0.0.1",
                "wsrep-on": "1",
                "wsrep-provider": provider(),
                "wsrep-provider-options": provider_options,
            }
            process = stack.enter_context(running(server, folder, own, port, settings))
            nodes.append(Node(port, process))
            logs.append(folder / "log")
        for node, log in zip(nodes, logs, strict=True):
            wait_until_ready(node.port, node.process, log)
        yield nodes


def provider() -> str:
    """Find Galera's library.

    Raises:
        NotInstalledError: If the system has none.
    """
    found = next((path for path in PROVIDERS if Path(path).exists()), None)
    if found is None:
        raise NotInstalledError
    return found


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]
