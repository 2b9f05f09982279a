"""Reading records for display."""
