"""Change purchases."""
