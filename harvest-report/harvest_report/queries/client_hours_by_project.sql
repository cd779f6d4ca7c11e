-- Of one client: hours by project
-- Grouped by id, since rows may still have an older name.
SELECT project__id AS project_id, max(project__name) AS project, sum(hours) AS hours,
       sum(CASE WHEN billable THEN hours ELSE 0 END) AS billable_hours
FROM time_entries
WHERE client__id = :client_id AND spent_date BETWEEN :from_date AND :to_date
  AND _sdc_deleted_at IS NULL
GROUP BY project__id
ORDER BY 3 DESC
