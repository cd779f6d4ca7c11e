-- Value and cost of the work, by project
-- What the billable hours are worth, what all hours cost, and what is left. A rate that the token may not see is null and counts as nothing. Grouped by id, since rows may still have an older name.
SELECT max(client__name) AS client, max(project__name) AS project, client__currency AS currency,
       sum(CASE WHEN billable THEN hours * billable_rate ELSE 0 END) AS value,
       sum(hours * cost_rate) AS cost,
       sum(CASE WHEN billable THEN hours * billable_rate ELSE 0 END)
         - coalesce(sum(hours * cost_rate), 0) AS margin
FROM time_entries
WHERE spent_date BETWEEN :from_date AND :to_date AND _sdc_deleted_at IS NULL
GROUP BY client__id, project__id, client__currency
ORDER BY 6 DESC
