"""Folds: what is kept in step with the records, in the records' own transaction."""
