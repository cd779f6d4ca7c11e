-- Expenses by category and month
SELECT substr(CAST(spent_date AS TEXT), 1, 7) AS month, expense_category__name AS category,
       client__currency AS currency, sum(total_cost) AS amount
FROM expenses
WHERE spent_date BETWEEN :from_date AND :to_date AND _sdc_deleted_at IS NULL
GROUP BY substr(CAST(spent_date AS TEXT), 1, 7), expense_category__name, client__currency
ORDER BY 1 DESC, 4 DESC
