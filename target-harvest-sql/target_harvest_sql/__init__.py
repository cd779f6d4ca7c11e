"""Singer target that writes any stream into SQL by JSON bulk insert.

A record goes one way:

1. `reading/` reads bytes, and makes messages of them.
2. `target.py` brings each message to the sinks of its stream, through `routes.py`.
3. `sink.py` is one stream: its table, the judge of its records, and its batch.
4. `records/` judges a record: `judge.py` validates it, reads its key, and makes its row.
5. `writing/` hands batches over to lanes, which write them. `dispatch.py` says when.
6. `database/` has the connections, their transactions, and the tables.
7. `dialects/` has the SQL of each database as text, and `drivers/` its Python package.

A state goes through `watermark.py`, which holds it back until its records are committed.
`cli.py` and `process/` run all this as a process, and `settings/` has what a user may set.
"""
