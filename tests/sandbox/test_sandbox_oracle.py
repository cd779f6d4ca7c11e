"""Every record of every endpoint has the fields, types, formats and nulls that the oracle names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from harvest_sandbox.endpoints import endpoints, oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Api

FORMATS = {
    "date": r"\d{4}-\d{2}-\d{2}",
    "date-time": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z",
    "harvest-time": r"\d{1,2}:\d{2}(am|pm)",
}
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def records(api: Api, stream: str) -> Iterator[dict[str, Any]]:
    """Every record of a stream, over HTTP, of every parent that has such a list."""
    endpoint = endpoints()[stream]
    if endpoint.parent is None:
        paths = [endpoint.path]
    else:
        parents = api.harvest.rows(endpoint.parent)
        if stream == "user_teammates":
            parents = [user for user in parents if "manager" in user["access_roles"]]
        paths = [endpoint.path.format(**{str(endpoint.parent_parameter): p["id"]}) for p in parents]
    dated = {"from": "20260101", "to": "20261231"} if "from" in endpoint.filters else {}
    query = dated if endpoint.is_report else {}
    fields = oracle()[stream]["fields"].values()
    query |= {field["only_with"]: "true" for field in fields if "only_with" in field}
    for path in paths:
        if endpoint.records_key is None:
            yield api.get(path).json()
        else:
            yield from api.walk(path, endpoint.records_key, **query)


def complaints(value: Any, field: dict[str, Any], where: str) -> Iterator[str]:
    """What is wrong with one value, and with those inside it."""
    if value is None:
        if not field["nullable"]:
            yield f"{where} is null"
        return
    if type(value) not in TYPES[field["type"]]:
        yield f"{where} is a {type(value).__name__}, not a {field['type']}"
        return
    if (form := field.get("format")) and not re.fullmatch(FORMATS[form], value):
        yield f"{where} is no {form}"
    if field["type"] == "object":
        yield from object_complaints(value, field["fields"], where)
    for item in value if field["type"] == "array" else ():
        about = {"nullable": False, **field["items"]}
        if "fields" in about:
            yield from object_complaints(item, about["fields"], f"{where}[]")
        else:
            yield from complaints(item, about, f"{where}[]")


def object_complaints(record: dict[str, Any], fields: dict[str, Any], where: str) -> Iterator[str]:
    """What is wrong with the keys of one object, and with their values."""
    expected = {name for name, about in fields.items() if about.get("origin") != "retired"}
    for name in sorted(expected ^ record.keys()):
        yield f"{where}.{name} is {'missing' if name in expected else 'unknown'}"
    for name in expected & record.keys():
        yield from complaints(record[name], fields[name], f"{where}.{name}")


@pytest.mark.parametrize("stream", endpoints())
def test_records_match_the_oracle(reading: Api, stream: str):
    """Each record has exactly the known fields, with the stated types, formats and nulls."""
    found = list(records(reading, stream))

    assert len(found) > 0
    fields = oracle()[stream]["fields"]
    assert {text for row in found for text in object_complaints(row, fields, stream)} == set()


@pytest.mark.parametrize(
    "stream",
    [
        *("clients", "contacts", "invoices", "estimates", "expenses", "projects", "users"),
        *("time_entries", "tasks", "expense_categories", "invoice_payments", "invoice_messages"),
        *("estimate_messages", "user_billable_rates", "user_cost_rates"),
    ],
)
def test_what_may_be_null_is_null_somewhere(reading: Api, stream: str):
    """A reader meets every null that live records or the docs show, and a value there as well."""
    found = list(records(reading, stream))

    for name, about in oracle()[stream]["fields"].items():
        if about.get("null_basis") == "live":
            nulls = {row[name] is None for row in found}
            assert nulls == {True, False}, f"{name} is always, or never, null"


def test_notes_hold_every_awkward_text(reading: Api):
    """Emoji beyond 16 bits, right-to-left, quotes, line breaks, empty and null notes all occur."""
    notes = [row["notes"] for row in reading.walk("/time_entries", "time_entries")]

    assert None in notes
    assert "" in notes
    texts = "".join(filter(None, notes))
    for awkward in ("🚀", "ש", '"', "\n", "\r\n", "\t", "\\"):
        assert awkward in texts


def test_the_account_holds_every_special_case(reading: Api):
    """Currencies, archived rows, timers, locks, corrections and budgets of all kinds occur."""
    harvest = reading.harvest
    entries = harvest.rows("time_entries")
    projects = harvest.rows("projects")

    assert len({row["currency"] for row in harvest.rows("clients")}) > 2
    for stream in ("clients", "projects", "tasks", "users", "expense_categories"):
        assert {row["is_active"] for row in harvest.rows(stream)} == {True, False}, stream
    for flag in ("is_running", "is_locked", "is_billed", "billable", "is_explicitly_locked"):
        assert {row[flag] for row in entries} == {True, False}, flag
    assert min(row["hours"] for row in entries) < 0
    assert 0 in [row["hours"] for row in entries]
    assert min(row["id"] for row in entries) > 2**32
    by_bill = set(oracle()["projects"]["fields"]["bill_by"]["values"])
    by_budget = set(oracle()["projects"]["fields"]["budget_by"]["values"])
    assert {row["bill_by"] for row in projects} == by_bill
    assert {row["budget_by"] for row in projects} == by_budget
    for stream in ("invoices", "estimates"):
        states = set(oracle()[stream]["fields"]["state"]["values"])
        assert {row["state"] for row in harvest.rows(stream)} == states
