"""Rules of the federation, by what they look at."""
