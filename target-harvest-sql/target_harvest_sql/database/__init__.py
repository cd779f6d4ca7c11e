"""What needs a connection: transactions, tables, locks."""
