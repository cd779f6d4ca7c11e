"""Which records are looked at more closely for their numbers."""

from __future__ import annotations

import pytest

from target_harvest_sql.records.number_search import NumberSearch, is_odd, may_exceed_double


@pytest.mark.parametrize(
    ("record", "is_found"),
    [
        (b'{"a":1e400}', True),
        (b'{"a":1e-400}', True),
        (b'{"a":1E+400 }', True),
        (b'{"a":[1.5e-330,2]}', True),
        (b'{"a":1234567890.123456}', True),
        (b'{"a":1234567890123456}', True),
        (b'{"a":123456789012345}', False),
        (b'{"a":1e99}', False),
        (b'{"a":-1.5e-99}', False),
        (b'{"a":"1e400"}', False),
        (b'{"a":"3e4005e6-1e23-4f4f-aaaa-12e456789012"}', False),
        (b'{"a":"2024-01-02T03:04:05Z"}', False),
    ],
)
def test_numbers_that_a_double_may_not_keep(record: bytes, *, is_found: bool) -> None:
    """None of them may be missed; of others, those that are common are passed by."""
    assert may_exceed_double(record) == is_found


@pytest.mark.parametrize(
    ("record", "is_found"),
    [
        (b'{"a":1.0}', True),
        (b'{"a":[1e3]}', True),
        (b'{"a":1E-3\n}', True),
        (b'{"a":-0}', True),
        (b'{"a":-0 ,"b":1}', True),
        (b'{"a":-5,"b":"1.5","c":"2024-01-02T03:04:05.123Z"}', False),
    ],
)
def test_numbers_that_may_be_written_in_several_ways(record: bytes, *, is_found: bool) -> None:
    """With a fraction, an exponent, or the sign of a negative zero."""
    assert is_odd(record) == is_found


def test_digits_after_the_point_are_counted() -> None:
    """In numbers; a text that a quotation mark ends does not count."""
    search = NumberSearch(2)

    assert search.finds(b'{"a":1.125}')
    assert search.finds(b'{"a":1e-3}')
    assert not search.finds(b'{"a":1.25,"b":"1.125","c":125}')
