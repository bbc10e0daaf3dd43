"""The API of an office for its own people's programs: one module a theme; decode, call, encode."""
