"""The blacklist: entries that refuse new orders and charges."""
