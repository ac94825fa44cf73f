"""Models in use: drift of their features and predictions, and their metrics once the outcomes are known."""
