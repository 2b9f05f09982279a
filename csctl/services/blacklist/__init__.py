"""Who gets no new orders and charges."""
