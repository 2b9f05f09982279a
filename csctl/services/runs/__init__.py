"""Bulk changes and their journals."""
