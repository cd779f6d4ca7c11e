"""From rows to the database: batches, lanes, rejected rows, and replaced tables."""
