-- Uninvoiced expenses
SELECT client__name AS client, project__name AS project, client__currency AS currency,
       count(*) AS expenses, sum(total_cost) AS amount
FROM expenses
WHERE billable AND NOT is_billed AND spent_date <= :as_of AND _sdc_deleted_at IS NULL
GROUP BY client__name, project__name, client__currency
ORDER BY 5 DESC
