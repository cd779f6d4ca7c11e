-- Uninvoiced expenses
-- Grouped by id, since rows may still have an older name.
SELECT max(client__name) AS client, max(project__name) AS project, client__currency AS currency,
       count(*) AS expenses, sum(total_cost) AS amount
FROM expenses
WHERE billable AND NOT is_billed AND spent_date <= :as_of AND _sdc_deleted_at IS NULL
GROUP BY client__id, project__id, client__currency
ORDER BY 5 DESC
