"""What each stage does when it runs."""
