-- Time that was deleted, and was in the database before
SELECT spent_date, user__name AS person, project__name AS project, hours, _sdc_deleted_at
FROM time_entries
WHERE _sdc_deleted_at IS NOT NULL
ORDER BY _sdc_deleted_at DESC
