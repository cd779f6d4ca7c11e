{{ config(enabled=harvest.has_streams('projects', 'time_entries')) }}

with

projects as (

    select *
    from {{ ref('stg_harvest__projects') }}
    where is_active and budget > 0 and budget_by = 'project' and not is_budget_monthly

),

tracked as (

    select
        project_id,
        sum(hours) as hours
    from {{ ref('stg_harvest__time_entries') }}
    where spent_date <= {{ harvest.as_of_date() }}
    group by project_id

),

joined as (

    select
        projects.project_id,
        projects.project_name,
        projects.client_id,
        projects.client_name,
        projects.budget as budget_hours,
        coalesce(tracked.hours, 0) as hours
    from projects
    left join tracked on projects.project_id = tracked.project_id

)

select
    *,
    budget_hours - hours as remaining_hours,
    hours / budget_hours as used_share
from joined
