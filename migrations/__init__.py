"""Alembic's migrations. Run by `csctl db init` and `csctl db upgrade`, configured in csctl/services/schema.py."""
