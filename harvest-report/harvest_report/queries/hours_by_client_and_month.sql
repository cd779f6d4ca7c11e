-- Hours by client and month
-- Grouped by id, since rows may still have an older name.
SELECT substr(CAST(spent_date AS TEXT), 1, 7) AS month, client__id AS client_id,
       max(client__name) AS client, sum(hours) AS hours,
       sum(CASE WHEN billable THEN hours ELSE 0 END) AS billable_hours
FROM time_entries
WHERE spent_date BETWEEN :from_date AND :to_date AND _sdc_deleted_at IS NULL
GROUP BY substr(CAST(spent_date AS TEXT), 1, 7), client__id
ORDER BY 1 DESC, 4 DESC, 2
