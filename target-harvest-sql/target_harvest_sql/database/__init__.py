"""The work with a database connection: transactions, tables and locks."""
