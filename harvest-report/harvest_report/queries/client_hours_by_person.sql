-- Of one client: hours by person
SELECT user__name AS person, sum(hours) AS hours,
       sum(CASE WHEN billable THEN hours ELSE 0 END) AS billable_hours
FROM time_entries
WHERE client__id = :client_id AND spent_date BETWEEN :from_date AND :to_date
  AND _sdc_deleted_at IS NULL
GROUP BY user__name
ORDER BY 2 DESC
