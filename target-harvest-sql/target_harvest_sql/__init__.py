"""Singer target that writes any stream into SQL by JSON bulk insert.

Records travel in blocks: consecutive records of one stream. A block goes one way:

1. `reading/` reads lines, and groups RECORD messages that follow one another.
2. `intake.py` numbers the records, and makes a block.
3. `routes.py` applies stream maps, and finds the sinks of the stream.
4. `sink.py` has the block judged for its stream, and refuses invalid records.
5. `records/` judges: it validates the records, and returns their keys and values.
6. `writing/` puts them into a batch (`filler.py`), decides when the batch is written
   (`dispatch.py`), and writes it (`lanes.py`, `writer.py`).
7. `database/` has the connections, their transactions, and the tables.
8. `dialects/` has the SQL of each database as text, and `drivers/` its Python package.

`streams.py` makes the sinks and their tables when a schema comes. `watermark.py` holds a state back
until the records before it are committed. `destination.py` makes the parts of a run that reach the
database. `target.py` connects all of this to the SDK. `cli.py` and `process/` run it as a process,
and `settings/` defines and checks the settings.
"""
