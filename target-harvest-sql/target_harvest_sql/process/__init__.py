"""The process: signals, standard streams, and the ways in which it ends."""
