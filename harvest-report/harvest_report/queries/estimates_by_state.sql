-- Estimates: what became of them
SELECT state, currency, count(*) AS estimates, sum(amount) AS amount
FROM estimates
WHERE _sdc_deleted_at IS NULL
GROUP BY state, currency
ORDER BY 1, 2
