"""`python -m tap_harvest` is `tap-harvest`."""

from tap_harvest.tap import TapHarvest

TapHarvest.cli()
