"""The process around a run: its signals and its ends."""
