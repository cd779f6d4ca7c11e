-- How much time there is, and of which days
-- How many entries, from which day to which, and when the last of them changed in Harvest.
SELECT count(*) AS entries, min(spent_date) AS first_day, max(spent_date) AS last_day,
       max(updated_at) AS last_change
FROM time_entries
WHERE _sdc_deleted_at IS NULL
