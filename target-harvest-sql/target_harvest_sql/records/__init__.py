"""From a record to a row: validation, keys, exact values, and the form that a batch wants."""
