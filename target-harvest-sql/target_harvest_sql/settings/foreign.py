"""What other targets call the settings of their connection.

A run whose `dbname` is ignored writes to another database than the one that its user named. So
these names are errors, while other unknown settings are warnings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "`sqlalchemy_url`": (
        *("url", "uri", "dsn", "connection_string", "connection_uri", "connection_url"),
        *("database_uri", "database_url", "db_url", "jdbc_url", "sqlalchemy_uri"),
    ),
    "`dialect`": ("dialect+driver", "driver", "driver_type"),
    "`host`": (
        *("account", "address", "endpoint", "hostaddr", "hostname", "server", "server_name"),
        *("db_host", "mssql_host", "mysql_host", "postgres_host"),
    ),
    "`port`": ("db_port", "mssql_port", "mysql_port", "postgres_port"),
    "`user`": (
        *("login", "uid", "user_name", "username", "db_user", "mssql_user", "mssql_username"),
        *("mysql_user", "mysql_username", "postgres_user", "postgres_username"),
    ),
    "`password`": (
        *("pass", "passwd", "pwd", "db_password", "mssql_password", "mysql_password"),
        "postgres_password",
    ),
    "`database`": (
        *("catalog", "database_name", "db", "db_name", "dbname", "initial_catalog"),
        *("mssql_database", "mysql_database", "postgres_database", "postgres_db"),
    ),
    "`dialect` and `database`": (
        *("database_file", "database_path", "db_file", "db_path", "duckdb_path", "file_path"),
        *("filepath", "path", "path_to_db"),
    ),
    "`default_target_schema`": (
        *("dataset_id", "default_schema", "postgres_schema", "schema", "schema_name"),
        "target_schema",
    ),
    "`connection_options`, or what follows `?` in `sqlalchemy_url`,": (
        *("authentication", "encrypt", "motherduck_token", "sqlalchemy_url_query", "ssl"),
        *("ssl_ca", "ssl_cert", "ssl_client_certificate_enable", "ssl_enable", "ssl_key"),
        *("ssl_mode", "sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert"),
        *("postgres_sslcert", "postgres_sslcrl", "postgres_sslkey", "postgres_sslmode"),
        *("postgres_sslrootcert", "trust_server_certificate", "unix_socket"),
    ),
    "`ssh_host` and the settings after it": ("ssh_tunnel", "tunnel", "use_ssh_tunnel"),
}
"""The names by what this target has for them: those of target-postgres (MeltanoLabs, pipelinewise,
datamill-co), target-mysql, target-mssql, target-sqlite, target-duckdb, target-redshift and
target-snowflake, and common words for the same.
"""

FOREIGN: Final[Mapping[str, str]] = {name: ours for ours, names in _NAMES.items() for name in names}
"""What to set in place of each name."""
