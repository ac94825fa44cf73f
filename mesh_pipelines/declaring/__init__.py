"""What a domain writes, and what it owns once loaded."""
