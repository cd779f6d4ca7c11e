"""Run the command: `python -m harvest_report`."""

from __future__ import annotations

from harvest_report.cli import main

main()
