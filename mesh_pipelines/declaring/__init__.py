"""Declaring: the words a domain writes in, and the nodes it owns once loaded."""
