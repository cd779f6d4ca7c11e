-- Timers that run
SELECT user__name AS person, project__name AS project, task__name AS task, timer_started_at, hours
FROM time_entries
WHERE is_running AND _sdc_deleted_at IS NULL
ORDER BY timer_started_at
