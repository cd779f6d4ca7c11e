"""Singer target that writes any stream into SQL by JSON bulk insert."""
