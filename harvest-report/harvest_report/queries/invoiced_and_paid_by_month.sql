-- Invoiced and paid, by month
SELECT month, currency, sum(invoiced) AS invoiced, sum(paid) AS paid
FROM (
  SELECT substr(CAST(issue_date AS TEXT), 1, 7) AS month, currency, amount AS invoiced, 0 AS paid
  FROM invoices
  WHERE state <> 'draft' AND _sdc_deleted_at IS NULL
  UNION ALL
  SELECT substr(CAST(payments.paid_date AS TEXT), 1, 7), invoices.currency, 0, payments.amount
  FROM invoice_payments AS payments
  JOIN invoices ON invoices.id = payments.invoice_id
  WHERE payments._sdc_deleted_at IS NULL
) AS moved
GROUP BY month, currency
ORDER BY 1 DESC, 2
