"""Features as known at the time of prediction."""
