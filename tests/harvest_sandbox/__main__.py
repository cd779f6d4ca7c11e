"""Run a stand-in Harvest account as a program: `python -m harvest_sandbox --help`.

When it is ready, one line of JSON with `api_url`, `identity_url`, `token` and `account_id` appears
on standard output. SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

import msgspec

from harvest_sandbox.sandbox import Sandbox


def main() -> int:
    """Serve until a signal comes; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="harvest_sandbox", description="A stand-in Harvest account on localhost."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--time-entries", type=int, default=10_000, help="default: 10000")
    parser.add_argument("--seed", type=int, default=1, help="decides all data; default: 1")
    parser.add_argument(
        "--clock",
        choices=("real", "fixed"),
        default="real",
        help="real: data up to today (default); fixed: noon of 2026-06-30, the same data always",
    )
    parser.add_argument(
        "--budgets", action="store_true", help="answer 429 beyond Harvest's request budgets"
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds that every answer takes; default: 0"
    )
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        sandbox = Sandbox(
            time_entries=options.time_entries,
            seed=options.seed,
            port=options.port,
            clock=options.clock,
            budgets=options.budgets,
            latency_seconds=options.latency,
        )
    except OSError as error:
        parser.error(f"Port {options.port} cannot be taken ({error.strerror}); 0 takes a free one.")
    with sandbox as harvest:
        ready = {
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
            "token": harvest.token,
            "account_id": harvest.account_id,
        }
        sys.stdout.write(f"{msgspec.json.encode(ready).decode()}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
