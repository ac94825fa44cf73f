"""How a domain is Dagster: location, assets, sensors, schedules, runs."""
