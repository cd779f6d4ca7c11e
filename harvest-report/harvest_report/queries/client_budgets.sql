-- Of one client: budgets used
-- Budgets in hours, of active projects. Budgets in money are not here, as they would tell a rate.
SELECT projects.name AS project, projects.budget,
       coalesce(sum(time_entries.hours), 0) AS hours,
       coalesce(sum(time_entries.hours), 0) * 100.0 / projects.budget AS used_percent
FROM projects
LEFT JOIN time_entries ON time_entries.project__id = projects.id
  AND time_entries._sdc_deleted_at IS NULL AND time_entries.spent_date <= :to_date
WHERE projects.client__id = :client_id AND projects.budget > 0 AND projects.is_active
  AND NOT projects.budget_is_monthly AND projects.budget_by = 'project'
  AND projects._sdc_deleted_at IS NULL
GROUP BY projects.id, projects.name, projects.budget
ORDER BY 4 DESC
