"""Who may read a table of PostgreSQL: its grants and its row-level security, as statements.

PostgreSQL manual: https://www.postgresql.org/docs/current/catalog-pg-policy.html,
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-ACLITEM-FN-TABLE.
"""

from __future__ import annotations

from typing import Final

RIGHTS_SQL: Final = """\
WITH old AS (
  SELECT pg_class.oid AS table_id, relowner, relacl, relrowsecurity, relforcerowsecurity,
    quote_ident(nspname) || '.' || quote_ident(relname) AS place
  FROM pg_class
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = %(table)s
    AND relkind IN ('r', 'p')
), rights AS (
  SELECT table_id, relowner, '' AS part, relacl AS acl FROM old
  UNION ALL
  SELECT table_id, relowner, ' (' || quote_ident(before.attname) || ')', before.attacl
  FROM old
  JOIN pg_attribute AS before ON before.attrelid = table_id AND NOT before.attisdropped
  WHERE EXISTS (
    SELECT FROM pg_attribute AS later
    JOIN pg_class ON pg_class.oid = later.attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = %(filled)s
      AND later.attname = before.attname AND NOT later.attisdropped
  )
), statements (statement) AS (
  SELECT 'GRANT ' || privilege_type || part || ' ON ' || place || ' TO ' ||
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END ||
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
  FROM rights
  JOIN old USING (table_id)
  CROSS JOIN LATERAL aclexplode(acl)
  WHERE grantee <> rights.relowner
  UNION ALL
  SELECT 'CREATE POLICY ' || quote_ident(polname) || ' ON ' || place ||
    CASE WHEN polpermissive THEN '' ELSE ' AS RESTRICTIVE' END || ' FOR ' ||
    CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
      WHEN 'd' THEN 'DELETE' ELSE 'ALL' END ||
    ' TO ' || ARRAY_TO_STRING(ARRAY(
      SELECT CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END
      FROM unnest(polroles) AS role
    ), ', ') ||
    coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '') ||
    coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
  FROM old
  JOIN pg_policy ON polrelid = table_id
  UNION ALL
  SELECT 'ALTER TABLE ' || place || ' ENABLE ROW LEVEL SECURITY' FROM old WHERE relrowsecurity
  UNION ALL
  SELECT 'ALTER TABLE ' || place || ' FORCE ROW LEVEL SECURITY' FROM old WHERE relforcerowsecurity
)
SELECT replace(statement, '%%', '%%%%') FROM statements"""
"""Asks for the statements that give a new table the rights of the old one, once it has the old
one's name. A column that the new table lacks has no rights."""
