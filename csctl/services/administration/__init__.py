"""Operators, settings, schema, database rights, seals."""
