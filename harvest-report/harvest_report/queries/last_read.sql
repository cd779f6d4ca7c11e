-- When time was last read
-- When the newest row of the table was read from Harvest. A sync that finds no change writes no row.
SELECT max(_sdc_extracted_at) AS read_at
FROM time_entries
