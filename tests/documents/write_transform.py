"""Writes the sources and the staging models of the dbt package in transform/.

Run by `make docs`. All is taken from the catalog. Names follow dbt's style guide:
https://docs.getdbt.com/best-practices/how-we-style/1-how-we-style-our-dbt-models
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from documents.draw_tables import TARGETS, references
from documents.write_streams import holds
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
STAGING: Final = Path("transform/models/staging/harvest")
README: Final = ROOT / "transform" / "README.md"
MARTS: Final = ROOT / "transform" / "models" / "marts" / "_marts__models.yml"
BEGIN, END = "<!-- models: written by `make docs` -->", "<!-- end of models -->"

SINGULARS: Final = {table: name for name, table in TARGETS.items() if name != "creator"}
"""The word for one row of a table in the names of columns that refer to the table."""

NAMES: Final = {
    "as_of": "as_of_date",
    "attach_pdf": "has_pdf_attached",
    "billable": "is_billable",
    "billable_by_default": "is_billable_by_default",
    "budget_is_monthly": "is_budget_monthly",
    "budgeted": "is_budgeted",
    "calendar_integration_enabled": "is_calendar_integration_enabled",
    "cost_budget_include_expenses": "has_expenses_in_cost_budget",
    "ends_on": "end_date",
    "from": "from_date",
    "include_link_to_client_invoice": "has_link_to_client_invoice",
    "notify_when_over_budget": "is_notified_when_over_budget",
    "period_end": "period_end_date",
    "period_start": "period_start_date",
    "project__is_billable": "is_project_billable",
    "reimbursement": "is_reimbursement",
    "reminder": "is_reminder",
    "saml_exempt": "is_saml_exempt",
    "send_me_a_copy": "is_copied_to_sender",
    "send_reminder_on": "reminder_date",
    "show_budget_to_all": "is_budget_shown_to_all",
    "starts_on": "start_date",
    "task_assignment__billable": "is_task_assignment_billable",
    "task_assignment__is_active": "is_task_assignment_active",
    "taxed": "is_taxed",
    "taxed2": "is_taxed2",
    "thank_you": "is_thank_you",
    "to": "to_date",
    "use_as_expense": "is_used_as_expense",
    "use_as_service": "is_used_as_service",
    "use_default_rates": "has_default_rates",
    "user_assignment__is_active": "is_user_assignment_active",
    "user_assignment__is_project_manager": "is_user_assignment_project_manager",
    "user_assignment__use_default_rates": "has_user_assignment_default_rates",
    "wants_timestamp_timers": "has_timestamp_timers",
}
"""The names in staging models for columns that do not follow the style guide."""

IDS: Final = {
    "time_entry_external_references": "external_reference_id",
    "user_teammates": "teammate_id",
    "users_me": "user_id",
}
"""The names of the column `id` in staging models, if not after the table."""

GROUPS: Final = {
    "ids": (),
    "strings": ("string",),
    "numbers": ("integer", "number"),
    "lists": ("array",),
    "booleans": ("boolean",),
    "dates": ("date",),
    "timestamps": ("date-time",),
}
"""The groups of columns in the style guide's order, with the kinds of each."""

METADATA: Final = {
    "_sdc_extracted_at": "When the row was read from Harvest.",
    "_sdc_deleted_at": "When it was noticed that the row is deleted in Harvest.",
}

FRESH: Final = "time_entries"
"""The only table that changes every working day. Others can stay the same for months."""


@dataclass(frozen=True)
class Column:
    """A column of a table, and of its staging model."""

    source: str
    """Its name in the table."""
    name: str
    """Its name in the staging model."""
    kind: str
    """A kind that the macro `column` knows."""
    about: str
    refers_to: str | None
    """The table whose id it holds."""

    @property
    def group(self) -> str:
        """The key of `GROUPS` that it belongs to."""
        if self.name.endswith("_id"):
            return "ids"
        return next(group for group, kinds in GROUPS.items() if self.kind in kinds)


@dataclass(frozen=True)
class Table:
    """A stream as the table that the target creates."""

    name: str
    about: str
    keys: Sequence[str]
    columns: Sequence[Column]

    @property
    def model(self) -> str:
        """The name of the staging model."""
        return f"stg_harvest__{self.name}"


def tables() -> Iterator[Table]:
    """Return all streams of the catalog."""
    catalog = {
        entry["tap_stream_id"]: entry
        for entry in TapHarvest(validate_config=False, config={}).catalog_dict["streams"]
    }
    for stream in STREAMS:
        entry = catalog[stream.name]
        properties = entry["schema"]["properties"]
        refers = dict(references(stream.name, properties))
        columns = [
            Column(name, named(stream.name, name), kind, about, refers.get(name))
            for name, kind, about in flat(properties)
        ]
        yield Table(stream.name, plain(holds(stream)), entry["key_properties"], columns)


def flat(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List the name, kind and description of each column, flattened to a depth of 1."""
    for name, definition in properties.items():
        if name in METADATA:
            continue
        if inner := definition.get("properties"):
            for key, part in inner.items():
                yield f"{name}__{key}", kind_of(part), part["description"]
        else:
            yield name, kind_of(definition), definition["description"]


def kind_of(definition: Mapping[str, Any]) -> str:
    """Return the kind of a property's values."""
    [kind] = set(definition["type"]) - {"null"}
    return str(definition.get("format", kind))


def named(table: str, column: str) -> str:
    """Return the name of a column in the staging model."""
    if column == "id" and table in IDS:
        return IDS[table]
    if column in {"id", "name", "code", "number"}:  # As other tables refer to them.
        return f"{singular(table)}_{column}"
    if column in NAMES:
        return NAMES[column]
    for end, begin in (("_feature", "has_"), ("_required", "is_")):
        if column.endswith(end):
            return begin + column
    return column.replace("__", "_")


def singular(table: str) -> str:
    """Return the word for one row of a table."""
    return SINGULARS.get(table) or re.sub(r"s$", "", re.sub(r"ies$", "y", table))


def plain(text: str) -> str:
    """Return a description without the markup of a docstring."""
    return text.replace("``", "").replace("`", "")


HEAD: Final = "# `make docs` writes this file from the tap's catalog.\n"


def sources() -> str:
    """Return the text of the file of sources."""
    source = {
        "name": "harvest",
        "description": "The tables that tap-harvest fills, one for each stream.",
        "database": "{{ var('harvest_database', target.database) }}",
        "schema": "{{ var('harvest_schema', 'main' if target.type == 'duckdb' else 'public') }}",
        "tables": [source_table(table) for table in tables()],
    }
    return HEAD + written({"sources": [source]})


def source_table(table: Table) -> dict[str, Any]:
    """Return a table with tests of its key. The tests include deleted rows."""
    made: dict[str, Any] = {
        "name": table.name,
        "identifier": (
            f"{{{{ var('harvest_table_names', {{}}).get('{table.name}', '{table.name}') }}}}"
        ),
        "description": table.about,
        "config": {"enabled": f"{{{{ {is_there(table.name)} }}}}"},
    }
    if table.name == FRESH:
        made["config"] |= {
            "loaded_at_field": "_sdc_extracted_at",
            "freshness": {
                "warn_after": {"count": 3, "period": "day"},
                "error_after": {"count": 7, "period": "day"},
            },
        }
    if len(table.keys) > 1:
        made["data_tests"] = [
            {"harvest.unique_together": {"arguments": {"columns": list(table.keys)}}}
        ]
    made["columns"] = [source_column(table, column) for column in table.columns]
    made["columns"] += [
        {"name": name, "description": about}
        for name, about in METADATA.items()
        if name != "_sdc_extracted_at" or table.name == FRESH
    ]
    return made


def is_there(table: str) -> str:
    """Return the condition under which the database has a table."""
    names = [table, *(["*_report"] if table.endswith("_report") else [])]
    return " and ".join(
        [
            f"'{table}' in var('harvest_streams', ['{table}'])",
            *(f"'{name}' not in var('harvest_missing_streams', [])" for name in names),
        ]
    )


def source_column(table: Table, column: Column) -> dict[str, Any]:
    """Return a column. Columns of the key have tests."""
    made: dict[str, Any] = {"name": column.source, "description": column.about}
    if column.source in table.keys:
        if column.source in {"from", "to"}:
            made["quote"] = True
        alone = ["unique"] if len(table.keys) == 1 else []
        made["data_tests"] = [*alone, "not_null"]
    return made


def models() -> str:
    """Return the text of the file of staging models."""
    return HEAD + written({"models": [staging_properties(table) for table in tables()]})


def staging_properties(table: Table) -> dict[str, Any]:
    """Return a staging model with tests of its references.

    They warn only: a token that sees a part, or a row that was deleted, is no fault of the data.
    """
    columns = []
    for column in grouped(table):
        made: dict[str, Any] = {"name": column.name, "description": column.about}
        if column.refers_to and column.refers_to != table.name:
            relation = {
                "arguments": {
                    "to": f"ref('stg_harvest__{column.refers_to}')",
                    "field": named(column.refers_to, "id"),
                },
                "config": {"severity": "warn"},
            }
            made["data_tests"] = [{"relationships": relation}]
        columns.append(made)
    return {
        "name": table.model,
        "description": f"{table.about} Without deleted rows.",
        "columns": columns,
    }


def grouped(table: Table) -> list[Column]:
    """Return the columns in the order of a staging model."""
    order = list(GROUPS)
    return sorted(table.columns, key=lambda column: order.index(column.group))


def staging(table: Table) -> str:
    """Return the SQL of a staging model."""
    lines: list[str] = []
    before = None
    for column in grouped(table):
        if column.group != before:
            lines += [*([""] if before else []), f"        -- {column.group}"]
            before = column.group
        held = f"harvest.column(held, '{column.source}', '{column.kind}')"
        lines.append(f"        {{{{ {held} }}}} as {column.name},")
    lines[-1] = lines[-1].removesuffix(",")
    return STAGING_MODEL.format(name=table.name, columns="\n".join(lines))


STAGING_MODEL: Final = """{{{{ config(enabled=harvest.has_streams('{name}')) }}}}

{{%- set held = harvest.columns_of(source('harvest', '{name}')) %}}

with

source as (

    select * from {{{{ source('harvest', '{name}') }}}}

),

renamed as (

    select
{columns}

    from source
    where {{{{ harvest.is_not_deleted(held) }}}}

)

select * from renamed
"""


def readme(text: str) -> str:
    """Return the README with an updated list of models."""
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    marts = yaml.safe_load(MARTS.read_text(encoding="utf-8"))["models"]
    rows = [(model["name"], " ".join(model["description"].split())) for model in marts]
    rows += [(table.model, table.about) for table in tables()]
    lines = ["| model | what it holds |", "| --- | --- |"]
    lines += [f"| `{name}` | {about} |" for name, about in rows]
    return head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail


def written(content: dict[str, Any]) -> str:
    """Return YAML without sorting the keys."""
    text: str = yaml.safe_dump(
        {"version": 2, **content}, sort_keys=False, allow_unicode=True, width=110
    )
    return text


def files() -> dict[Path, str]:
    """Return the text of each file, by its path in the repository."""
    return {
        STAGING / "_harvest__sources.yml": sources(),
        STAGING / "_harvest__models.yml": models(),
        **{STAGING / f"{table.model}.sql": staging(table) for table in tables()},
        Path("transform/README.md"): readme(README.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for path in (ROOT / STAGING).glob("*"):
        path.unlink()
    for path, text in files().items():
        (ROOT / path).write_text(text, encoding="utf-8")
