"""The process behind `silian serve`: server, interceptors, maintenance."""
