{# The day that ages, budgets and whole weeks are counted to. #}
{%- macro as_of_date() -%}
    {%- set day = var('harvest_as_of_date', none) -%}
    {%- if day -%}
        cast('{{ day }}' as date)
    {%- else -%}
        current_date
    {%- endif -%}
{%- endmacro -%}

{# The first day of the month of a day. #}
{%- macro month_start_date(day) -%}
    cast({{ dbt.date_trunc('month', day) }} as date)
{%- endmacro -%}

{# The first day of the week of a day. Harvest lets a week begin on Saturday, Sunday or Monday. #}
{%- macro week_start_date(day) -%}
    {%- set begins = var('harvest_week_start_day', 'Monday') -%}
    {%- set days_before_monday = {'Monday': 0, 'Sunday': 1, 'Saturday': 2}.get(begins) -%}
    {%- if days_before_monday is none -%}
        {{ exceptions.raise_compiler_error(
            "harvest_week_start_day is " ~ begins ~ ". Set it to Saturday, Sunday or Monday."
        ) }}
    {%- endif -%}
    {%- set monday = dbt.date_trunc('week', harvest.add_days(day, days_before_monday)) -%}
    {{ harvest.add_days(monday, -days_before_monday) }}
{%- endmacro -%}

{# A day so many days later. #}
{%- macro add_days(day, days) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro -%}

{#
  The sum of an amount over the rows of one age.

  days: the column that holds the age in days.
  first, last: the youngest and the oldest age; none for no limit.
#}
{%- macro sum_of_age(amount, days, first, last) -%}
    sum(
            case
                when {{ days }} is null then 0
                {%- if first is not none %}
                when {{ days }} < {{ first }} then 0
                {%- endif %}
                {%- if last is not none %}
                when {{ days }} > {{ last }} then 0
                {%- endif %}
                else {{ amount }}
            end
        )
{%- endmacro -%}
