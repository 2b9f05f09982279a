"""Bulk changes and their journal."""
