"""What is written to whom, and its delivery."""
