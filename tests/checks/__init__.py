"""Checks of the whole house that `make check` runs."""
