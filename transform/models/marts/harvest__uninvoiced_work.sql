{{ config(enabled=harvest.has_streams('time_entries')) }}

with

time_entries as (

    select
        *,
        hours * billable_rate as amount,
        {{ dbt.datediff('spent_date', harvest.as_of_date(), 'day') }} as age_days
    from {{ ref('stg_harvest__time_entries') }}
    where
        is_billable
        and not is_billed
        and spent_date <= {{ harvest.as_of_date() }}

)

select
    project_id,
    -- Entries may still have an older name of their project or client.
    max(project_name) as project_name,
    client_id,
    max(client_name) as client_name,
    client_currency as currency,
    sum(hours) as hours,
    {{ harvest.sum_of_age('amount', 'age_days', none, 30) }} as amount_up_to_30_days,
    {{ harvest.sum_of_age('amount', 'age_days', 31, 60) }} as amount_31_to_60_days,
    {{ harvest.sum_of_age('amount', 'age_days', 61, 90) }} as amount_61_to_90_days,
    {{ harvest.sum_of_age('amount', 'age_days', 91, none) }} as amount_over_90_days,
    sum(amount) as amount,
    min(spent_date) as oldest_spent_date
from time_entries
group by project_id, client_id, client_currency
