"""Rules of the federation, agreements between domains, and the decision on each read."""
