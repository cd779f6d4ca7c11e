"""What to do about the errors of DuckDB, by the class of the error, as DuckDB has no codes."""

from __future__ import annotations

from typing import Final

from target_harvest_sql.dialects.hints import by_error

INEXACT: Final = "integers that a double would round"
"""The error of a statement that makes doubles of integers."""

HINTS: Final = by_error(
    ("One process may write a DuckDB file: end the other one.", "IOException Could not set lock"),
    (
        (
            "Create the folder of `sqlalchemy_url`, and give the user of this process the "
            "right to write there."
        ),
        "IOException Cannot open file",
    ),
    ("Let `sqlalchemy_url` name a DuckDB file, or a new one.", 'IOException The file "'),
    (
        "Free space on the disk.",
        "IOException Could not write",
        "TransactionException Failed to commit: Could not write",
    ),
    (
        "Raise `?memory_limit=` in `sqlalchemy_url`, or lower `batch_size_bytes`.",
        "OutOfMemoryException",
    ),
    (
        "DuckDB reads records of at most 16 MB: select less of the stream.",
        'InvalidInputException "maximum_object_size" of',
    ),
    (
        "Let the tap declare the numbers as text with `format: singer.decimal`.",
        f"InvalidInputException {INEXACT}",
    ),
    (
        "Correct what follows `?` in `sqlalchemy_url`.",
        "InvalidInputException The following options",
    ),
    (
        "Drop the index, and create it again after the run.",
        "CatalogException Cannot change the type of this column",
        "CatalogException Cannot drop this column",
        "DependencyException",
    ),
)
