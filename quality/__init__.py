"""The promise of a product and how it is kept: contract, rules, engines, outcome."""
