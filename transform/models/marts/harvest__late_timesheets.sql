{{ config(enabled=harvest.has_streams('time_entries', 'users')) }}

with

weeks as (

    select * from {{ ref('harvest__utilisation_by_person_and_week') }}

)

select
    user_id,
    first_name,
    last_name,
    email,
    week_start_date,
    week_end_date,
    capacity_hours,
    hours,
    capacity_hours - hours as missing_hours
from weeks
where is_over and hours < capacity_hours
