-- Late timesheets: who tracked less than their capacity
-- For a period of one week. Less than half a hundredth of an hour is due to rounding, and counts as nothing.
SELECT users.first_name, users.last_name, users.email,
       users.weekly_capacity / 3600.0 AS capacity,
       coalesce(sum(time_entries.hours), 0) AS hours,
       users.weekly_capacity / 3600.0 - coalesce(sum(time_entries.hours), 0) AS hours_missing
FROM users
LEFT JOIN time_entries ON time_entries.user__id = users.id
  AND time_entries._sdc_deleted_at IS NULL
  AND time_entries.spent_date BETWEEN :from_date AND :to_date
WHERE users.is_active AND users._sdc_deleted_at IS NULL
GROUP BY users.id, users.first_name, users.last_name, users.email, users.weekly_capacity
HAVING users.weekly_capacity / 3600.0 - coalesce(sum(time_entries.hours), 0) >= 0.005
ORDER BY 6 DESC, 2, 1
