-- What was invoiced, by kind
SELECT items.kind, invoices.currency, count(*) AS line_items, sum(items.amount) AS amount
FROM invoice_line_items AS items
JOIN invoices ON invoices.id = items.invoice_id
WHERE items._sdc_deleted_at IS NULL AND invoices._sdc_deleted_at IS NULL
GROUP BY items.kind, invoices.currency
ORDER BY 4 DESC
