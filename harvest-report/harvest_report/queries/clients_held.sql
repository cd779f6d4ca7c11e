-- Clients that have time
SELECT client__id AS id, client__name AS name, sum(hours) AS hours
FROM time_entries
WHERE _sdc_deleted_at IS NULL
GROUP BY client__id, client__name
ORDER BY 2, 1
