{{ config(enabled=harvest.has_streams('time_entries')) }}

with

time_entries as (

    select
        *,
        {{ harvest.month_start_date('spent_date') }} as month_start_date
    from {{ ref('stg_harvest__time_entries') }}

),

added_up as (

    select
        client_id,
        -- Entries may still have an older name of their client.
        max(client_name) as client_name,
        month_start_date,
        sum(hours) as hours,
        sum(case when is_billable then hours else 0 end) as billable_hours
    from time_entries
    group by client_id, month_start_date

)

select
    *,
    billable_hours / nullif(hours, 0) as billable_share
from added_up
