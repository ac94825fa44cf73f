"""Orchestration: a domain as Dagster's location, assets, sensors, schedules and runs."""
