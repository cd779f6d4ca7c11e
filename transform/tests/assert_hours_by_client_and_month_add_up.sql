-- No hour is lost and none is counted twice.
{{ config(enabled=harvest.has_streams('time_entries')) }}

with

marts as (

    select sum(hours) as hours from {{ ref('harvest__hours_by_client_and_month') }}

),

entries as (

    select sum(hours) as hours from {{ ref('stg_harvest__time_entries') }}

)

select
    marts.hours as hours_in_the_mart,
    entries.hours as hours_of_entries
from marts
cross join entries
where abs(coalesce(marts.hours, 0) - coalesce(entries.hours, 0)) > 0.005
