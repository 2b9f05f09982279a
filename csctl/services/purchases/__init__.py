"""Changes to purchases."""
