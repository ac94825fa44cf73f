"""Quality of a product: contract, rules, engines, outcome."""
