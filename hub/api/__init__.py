"""The face of an office to its own people's programs: one module a theme, decode, call, encode."""
