"""The Python client of an office."""
