{{ config(enabled=harvest.has_streams('invoices')) }}

with

invoices as (

    select
        *,
        {{ dbt.datediff('due_date', harvest.as_of_date(), 'day') }} as days_late
    from {{ ref('stg_harvest__invoices') }}
    where state = 'open'

)

select
    client_id,
    -- Invoices may still have an older name of their client.
    max(client_name) as client_name,
    currency,
    {{ harvest.sum_of_age('due_amount', 'days_late', none, 0) }} as amount_not_due,
    {{ harvest.sum_of_age('due_amount', 'days_late', 1, 30) }} as amount_up_to_30_days,
    {{ harvest.sum_of_age('due_amount', 'days_late', 31, 60) }} as amount_31_to_60_days,
    {{ harvest.sum_of_age('due_amount', 'days_late', 61, 90) }} as amount_61_to_90_days,
    {{ harvest.sum_of_age('due_amount', 'days_late', 91, none) }} as amount_over_90_days,
    sum(due_amount) as due_amount
from invoices
group by client_id, currency
