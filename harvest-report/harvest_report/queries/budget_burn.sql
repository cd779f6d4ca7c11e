-- Budget burn
-- Hours spent of the hours planned. Budgets by person or task are the sums of those; `project_budget_report` has Harvest's own figures, of each day that it was read.
SELECT projects.client__name AS client, projects.name AS project, projects.budget,
       coalesce(sum(time_entries.hours), 0) AS hours,
       coalesce(sum(time_entries.hours), 0) * 100.0 / projects.budget AS used_percent
FROM projects
LEFT JOIN time_entries ON time_entries.project__id = projects.id
  AND time_entries._sdc_deleted_at IS NULL AND time_entries.spent_date <= :as_of
WHERE projects.budget > 0 AND projects.is_active AND NOT projects.budget_is_monthly
  AND projects.budget_by = 'project' AND projects._sdc_deleted_at IS NULL
GROUP BY projects.id, projects.client__name, projects.name, projects.budget
ORDER BY 5 DESC
