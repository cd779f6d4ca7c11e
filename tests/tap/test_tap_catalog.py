"""The discovered catalog: kept as one snapshot a stream, and compared with the oracle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

SNAPSHOTS = Path(__file__).parent / "catalog"
ORACLE = Path(__file__).parents[1] / "harvest_sandbox" / "endpoints.yaml"
ENDPOINTS = {
    endpoint["stream"]: endpoint for endpoint in yaml.safe_load(ORACLE.read_text())["endpoints"]
}
BELOW_A_PARENT = {"user_billable_rates", "user_cost_rates"}
"""Whose ids the oracle takes to be unique in the account, and the tap only below their parent."""
NAMES = [stream.name for stream in STREAMS]
LISTED = [name for name in NAMES if name in ENDPOINTS]


@pytest.fixture(scope="module")
def catalog() -> dict[str, dict[str, Any]]:
    """The catalog that the tap discovers, by stream."""
    tap = TapHarvest(config={}, validate_config=False)
    return {entry["tap_stream_id"]: entry for entry in json.loads(tap.catalog_json_text)["streams"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_catalog_is_the_one_that_was_reviewed(catalog: dict[str, Any], name: str):
    """Each change of a schema shows in a snapshot; `UPDATE_CATALOG=1 pytest …` rewrites them."""
    snapshot = SNAPSHOTS / f"{name}.json"
    text = json.dumps(catalog[name], indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_CATALOG"):
        snapshot.write_text(text, encoding="utf-8")

    assert snapshot.read_text(encoding="utf-8") == text


def test_there_is_a_snapshot_of_each_stream_and_no_other():
    """A stream that goes takes its snapshot along."""
    assert sorted(path.stem for path in SNAPSHOTS.glob("*.json")) == sorted(NAMES)


def expected(fields: dict[str, Any]) -> dict[str, Any]:
    """What the oracle knows of fields: type, format, and what is inside."""
    return {
        name: (
            field["type"],
            field.get("format") if field.get("format") != "harvest-time" else None,
            expected(field.get("fields", {})),
            expected({"items": field["items"]}) if "items" in field else {},
        )
        for name, field in fields.items()
    }


def found(properties: dict[str, Any]) -> dict[str, Any]:
    """The same of a JSON Schema's properties."""
    return {
        name: (
            kind(schema),
            schema.get("format"),
            found(schema.get("properties", {})),
            found({"items": schema["items"]}) if "items" in schema else {},
        )
        for name, schema in properties.items()
    }


def kind(schema: dict[str, Any]) -> str:
    """A schema's type, null aside."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return next(name for name in types if name != "null")


@pytest.mark.parametrize("name", LISTED)
def test_a_stream_has_each_field_of_the_oracle(catalog: dict[str, Any], name: str):
    """All fields that Harvest is known to send, in every depth, and those that the tap must add."""
    schema = found(catalog[name]["schema"]["properties"])
    if name == "company":
        assert schema.pop("account_id") == ("integer", None, {}, {})
    if name == "project_budget_report":
        assert schema.pop("as_of") == ("string", "date", {}, {})
    elif name.endswith("_report"):
        assert schema.pop("_sdc_deleted_at") == ("string", "date-time", {}, {})

    endpoint = ENDPOINTS[name]
    assert schema == expected(endpoint["fields"] | endpoint.get("tap_should_add", {}))


@pytest.mark.parametrize("name", LISTED)
def test_a_stream_is_read_as_the_oracle_says(catalog: dict[str, Any], name: str):
    """Key, replication key, address, and the place of the rows in the answer."""
    stream = next(stream for stream in STREAMS if stream.name == name)
    endpoint = ENDPOINTS[name]

    assert stream.path == endpoint["path"]
    key = stream.records_key or stream.path.rpartition("/")[2]
    assert endpoint["records_key"] in {key, None}
    assert catalog[name].get("replication_key") == endpoint["replication_key"]
    expected_keys = ["account_id"] if name == "company" else endpoint["primary_key"]
    if name == "project_budget_report":
        expected_keys = [*expected_keys, "as_of"]
    if name in BELOW_A_PARENT:
        expected_keys = [*endpoint["tap_should_add"], *expected_keys]
    assert catalog[name]["key_properties"] == expected_keys


@pytest.mark.parametrize(
    ("stream", "parent", "member", "added"),
    [
        ("invoice_line_items", "invoices", "line_items", {"invoice_id", "updated_at"}),
        ("estimate_line_items", "estimates", "line_items", {"estimate_id", "updated_at"}),
        (
            "time_entry_external_references",
            "time_entries",
            "external_reference",
            {"time_entry_id", "updated_at"},
        ),
        (
            "invoice_message_recipients",
            "invoice_messages",
            "recipients",
            {"invoice_message_id", "updated_at", "occurrence"},
        ),
        (
            "estimate_message_recipients",
            "estimate_messages",
            "recipients",
            {"estimate_message_id", "updated_at", "occurrence"},
        ),
    ],
)
def test_an_exploded_stream_has_the_fields_of_what_it_is_made_of(
    catalog: dict[str, Any], *, stream: str, parent: str, member: str, added: set[str]
):
    """The member's own fields, and those that tell where it was."""
    inner = catalog[parent]["schema"]["properties"][member]
    inner = found(inner.get("items", inner)["properties"])
    if "account_id" in inner:  # Another tool's; in a record it would be Harvest's.
        inner["external_account_id"] = inner.pop("account_id")
    schema = found(catalog[stream]["schema"]["properties"])

    assert {name: schema[name] for name in inner} == inner
    assert schema.keys() - inner.keys() == added


@pytest.mark.parametrize("name", NAMES)
def test_only_keys_are_never_null(catalog: dict[str, Any], name: str):
    """Harvest withholds and leaves out; a schema must not stop a sync for that."""
    schema = catalog[name]["schema"]
    keys = catalog[name]["key_properties"]

    strict = [field for field, part in schema["properties"].items() if "null" not in part["type"]]

    assert sorted(strict) == sorted(keys) == sorted(schema["required"])


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema and all object schemas inside it."""
    parts = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    own = [schema] if "properties" in schema else []
    return own + [inner for part in parts for inner in objects(part)]


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_open_in_every_depth(catalog: dict[str, Any], name: str):
    """A key that Harvest adds does not stop a sync."""
    assert all(part["additionalProperties"] is True for part in objects(catalog[name]["schema"]))


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described_in_one_line(catalog: dict[str, Any], name: str):
    """Short enough to stand beside its column, and a sentence."""
    texts = [
        part["description"]
        for schema in objects(catalog[name]["schema"])
        for part in schema["properties"].values()
    ]

    assert all(text.endswith(".") and len(text) <= 60 for text in texts)
