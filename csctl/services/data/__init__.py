"""Records in from files, and out again."""
