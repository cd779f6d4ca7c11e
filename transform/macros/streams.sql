{#
  Whether all of these streams are in the database. A model without its streams is disabled.

  If harvest_streams is set, only the streams in it are there. The name *_report in
  harvest_missing_streams stands for all reports.
#}
{%- macro has_streams() -%}
    {%- set missing = var('harvest_missing_streams', []) -%}
    {%- for stream in varargs -%}
        {%- if stream not in var('harvest_streams', [stream]) -%}
            {{ return(false) }}
        {%- endif -%}
        {%- if stream in missing or (stream.endswith('_report') and '*_report' in missing) -%}
            {{ return(false) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro -%}

{# The columns that a table of Harvest has: their quoted names, by their names in small letters. #}
{%- macro columns_of(table) -%}
    {%- set held = {} -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(table) -%}
            {%- do held.update({column.name | lower: adapter.quote(column.name)}) -%}
        {%- endfor -%}
        {%- if not held -%}
            {{ exceptions.raise_compiler_error(
                "There is no table " ~ table ~ ". Name the schema of Harvest's tables in the variable "
                ~ "harvest_schema. If the token may not read this stream, or you do not sync it, add "
                ~ "it to harvest_missing_streams, or *_report for all reports. If you sync few "
                ~ "streams, list them in harvest_streams."
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(held) }}
{%- endmacro -%}

{#
  A column of Harvest's, or a null of its kind if the table lacks the column.

  held: what columns_of returned.
  name: such as client__id for the property id of the object client.
  kind: of its values, as in the tap's catalog: a JSON type or a format.
#}
{%- macro column(held, name, kind) -%}
    {%- set parts = name.split('__') -%}
    {%- set flat = parts | join(var('harvest_flattening_separator', '__')) -%}
    {%- if flat in held -%}
        {{ held[flat] }}
    {%- elif parts | length > 1 and parts[0] in held -%}
        {{ exceptions.raise_compiler_error(
            "A table of Harvest has the object " ~ parts[0] ~ " in one column. Set flattening_enabled: "
            ~ "true and flattening_max_depth: 1 in the target, and sync once with --full-refresh."
        ) }}
    {%- else -%}
        cast(null as {{ harvest.type_of(kind) }})
    {%- endif -%}
{%- endmacro -%}

{# The SQL type of a kind of values. #}
{%- macro type_of(kind) -%}
    {{ return({
        'boolean': dbt.type_boolean(),
        'date': 'date',
        'date-time': dbt.type_timestamp(),
        'integer': dbt.type_bigint(),
        'number': dbt.type_numeric(),
    }.get(kind, dbt.type_string())) }}
{%- endmacro -%}

{# The condition that leaves deleted rows out. A table without the mark holds no deleted row. #}
{%- macro is_not_deleted(held) -%}
    {%- if '_sdc_deleted_at' in held -%}
        {{ held['_sdc_deleted_at'] }} is null
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro -%}
