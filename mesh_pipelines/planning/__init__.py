"""What is out of date, and why: pure comparisons."""
