{{ config(enabled=harvest.has_streams('time_entries', 'users')) }}

with recursive

time_entries as (

    select
        *,
        {{ harvest.week_start_date('spent_date') }} as week_start_date
    from {{ ref('stg_harvest__time_entries') }}
    where spent_date <= {{ harvest.as_of_date() }}

),

weeks as (

    select min(week_start_date) as week_start_date
    from time_entries
    having min(week_start_date) is not null

    union all

    select {{ harvest.add_days('week_start_date', 7) }}
    from weeks
    where {{ harvest.add_days('week_start_date', 7) }} <= {{ harvest.as_of_date() }}

),

people as (

    select
        user_id,
        first_name,
        last_name,
        email,
        weekly_capacity / 3600.0 as capacity_hours,
        {{ harvest.week_start_date('created_at') }} as first_week_start_date
    from {{ ref('stg_harvest__users') }}
    where is_active and weekly_capacity > 0

),

tracked as (

    select
        user_id,
        week_start_date,
        sum(hours) as hours,
        sum(case when is_billable then hours else 0 end) as billable_hours
    from time_entries
    group by user_id, week_start_date

),

added_up as (

    select
        people.user_id,
        people.first_name,
        people.last_name,
        people.email,
        weeks.week_start_date,
        {{ harvest.add_days('weeks.week_start_date', 6) }} as week_end_date,
        people.capacity_hours,
        coalesce(tracked.hours, 0) as hours,
        coalesce(tracked.billable_hours, 0) as billable_hours
    from people
    cross join weeks
    left join tracked
        on people.user_id = tracked.user_id
        and weeks.week_start_date = tracked.week_start_date
    -- Nobody is late with weeks before they came, but time can be imported for such weeks.
    where
        weeks.week_start_date >= people.first_week_start_date
        or people.first_week_start_date is null
        or tracked.hours is not null

)

select
    *,
    hours / capacity_hours as used_share,
    billable_hours / capacity_hours as billable_share,
    week_end_date <= {{ harvest.as_of_date() }} as is_over
from added_up
