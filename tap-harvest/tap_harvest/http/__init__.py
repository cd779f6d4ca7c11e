"""The parts of an HTTP exchange: where a request may go, and what an answer may be."""
