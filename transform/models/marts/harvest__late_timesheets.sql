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
-- Sums of hours are rounded, so that a whole week may be 39.999999 hours.
where is_over and capacity_hours - hours >= 0.005
