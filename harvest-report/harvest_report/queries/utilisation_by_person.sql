-- Utilisation by person
-- Hours against the weekly capacity, which Harvest keeps in seconds. `:weeks` is the length of the period in weeks: 1 for seven days.
SELECT users.id, users.first_name, users.last_name,
       users.weekly_capacity * :weeks / 3600.0 AS capacity,
       coalesce(sum(time_entries.hours), 0) AS hours,
       coalesce(sum(CASE WHEN time_entries.billable THEN time_entries.hours END), 0)
         AS billable_hours,
       coalesce(sum(CASE WHEN time_entries.billable THEN time_entries.hours END), 0)
         * 360000.0 / (users.weekly_capacity * :weeks) AS billable_percent
FROM users
LEFT JOIN time_entries ON time_entries.user__id = users.id
  AND time_entries._sdc_deleted_at IS NULL
  AND time_entries.spent_date BETWEEN :from_date AND :to_date
WHERE users.is_active AND users.weekly_capacity > 0 AND users._sdc_deleted_at IS NULL
GROUP BY users.id, users.first_name, users.last_name, users.weekly_capacity
ORDER BY 7 DESC, 1
