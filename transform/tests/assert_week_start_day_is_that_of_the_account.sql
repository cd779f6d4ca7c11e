-- Weeks are those of Harvest if the variable harvest_week_start_day is what the account has.
{{ config(enabled=harvest.has_streams('company'), severity='warn') }}

select week_start_day
from {{ ref('stg_harvest__company') }}
where week_start_day <> '{{ var('harvest_week_start_day', 'Monday') }}'
