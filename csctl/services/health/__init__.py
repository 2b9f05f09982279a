"""Checks of the installation and the database."""
