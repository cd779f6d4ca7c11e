"""Run the target: `python -m target_harvest_sql`."""

from __future__ import annotations

from target_harvest_sql.target import TargetHarvestSQL

TargetHarvestSQL.cli()
