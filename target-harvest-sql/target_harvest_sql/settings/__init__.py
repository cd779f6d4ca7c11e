"""The settings: what a user may set, the checks, and the address of the database."""
