"""Data keys, one a domain, product and classification."""
