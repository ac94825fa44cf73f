"""Planning: what is out of date, and why, by pure comparison."""
