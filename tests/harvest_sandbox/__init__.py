"""A Harvest account on localhost, for tests, the demo and benchmarks: real HTTP, invented data."""

from harvest_sandbox.faults import Fault
from harvest_sandbox.request import Request
from harvest_sandbox.sandbox import Sandbox
from harvest_sandbox.switches import Move, Switches

__all__ = ["Fault", "Move", "Request", "Sandbox", "Switches"]
