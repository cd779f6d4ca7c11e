-- Uninvoiced work
-- Billable time up to a day that is on no invoice, by project and age, with its oldest day. `:days_30_before` and its two siblings are 30, 60 and 90 days before `:as_of`. Grouped by id, since rows may still have an older name.
SELECT max(client__name) AS client, max(project__name) AS project, client__currency AS currency,
       sum(hours) AS hours,
       sum(CASE WHEN spent_date >= :days_30_before THEN hours * billable_rate ELSE 0 END)
         AS up_to_30_days,
       sum(CASE WHEN spent_date < :days_30_before AND spent_date >= :days_60_before
                THEN hours * billable_rate ELSE 0 END) AS up_to_60_days,
       sum(CASE WHEN spent_date < :days_60_before AND spent_date >= :days_90_before
                THEN hours * billable_rate ELSE 0 END) AS up_to_90_days,
       sum(CASE WHEN spent_date < :days_90_before THEN hours * billable_rate ELSE 0 END) AS older,
       sum(hours * billable_rate) AS amount, min(spent_date) AS oldest
FROM time_entries
WHERE billable AND NOT is_billed AND spent_date <= :as_of AND _sdc_deleted_at IS NULL
GROUP BY client__id, project__id, client__currency
ORDER BY 9 DESC
