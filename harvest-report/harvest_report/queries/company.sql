-- The account
SELECT name, week_start_day
FROM company
