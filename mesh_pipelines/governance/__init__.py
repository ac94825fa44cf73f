"""The federation's rules, and who may read what."""
