"""How single records look on a terminal."""
