"""The shop's own affairs: operators, settings, schema, rights, seals."""
