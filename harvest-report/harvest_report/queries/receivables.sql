-- Receivables, by how late they are
-- `:days_30_before` and its two siblings are 30, 60 and 90 days before `:as_of`. Grouped by id, since rows may still have an older name.
SELECT max(client__name) AS client, currency,
       sum(CASE WHEN due_date >= :as_of THEN due_amount ELSE 0 END) AS not_due,
       sum(CASE WHEN due_date < :as_of AND due_date >= :days_30_before
                THEN due_amount ELSE 0 END) AS up_to_30_days,
       sum(CASE WHEN due_date < :days_30_before AND due_date >= :days_60_before
                THEN due_amount ELSE 0 END) AS up_to_60_days,
       sum(CASE WHEN due_date < :days_60_before AND due_date >= :days_90_before
                THEN due_amount ELSE 0 END) AS up_to_90_days,
       sum(CASE WHEN due_date < :days_90_before THEN due_amount ELSE 0 END) AS older,
       sum(due_amount) AS due
FROM invoices
WHERE state = 'open' AND _sdc_deleted_at IS NULL
GROUP BY client__id, currency
ORDER BY 8 DESC
