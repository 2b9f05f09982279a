"""Alembic's migrations. Run by `csctl db init` and `csctl db upgrade`, configured in administration/schema.py."""
