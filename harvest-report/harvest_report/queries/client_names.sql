-- Names of all clients
SELECT id, name
FROM clients
ORDER BY 2, 1
