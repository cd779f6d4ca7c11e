"""A signal that asks the run to end."""

from __future__ import annotations


class TerminatedError(Exception):
    """A signal asked the target to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopRequest:
    """Remembers a signal until the run can end in good order."""

    def __init__(self) -> None:
        self._signal_number: int | None = None

    def take(self, signal_number: int) -> None:
        """Remember a signal. The run finishes the step that it is at."""
        self._signal_number = signal_number

    def obey(self) -> None:
        """End the run if there was a signal.

        Raises:
            TerminatedError: If there was one.
        """
        if self._signal_number is not None:
            raise TerminatedError(self._signal_number)
