-- Of one client: hours by month and task
SELECT substr(CAST(spent_date AS TEXT), 1, 7) AS month, task__name AS task,
       sum(hours) AS hours, sum(CASE WHEN billable THEN hours ELSE 0 END) AS billable_hours
FROM time_entries
WHERE client__id = :client_id AND spent_date BETWEEN :from_date AND :to_date
  AND _sdc_deleted_at IS NULL
GROUP BY substr(CAST(spent_date AS TEXT), 1, 7), task__name
ORDER BY 1 DESC, 3 DESC
