-- Of one client: the list of entries
-- Notes and people are columns to leave out where the list is for the client.
SELECT spent_date, project__name AS project, task__name AS task, user__name AS person,
       hours, billable, notes
FROM time_entries
WHERE client__id = :client_id AND spent_date BETWEEN :from_date AND :to_date
  AND _sdc_deleted_at IS NULL
ORDER BY 1, 2, 3, id
LIMIT :most_rows
