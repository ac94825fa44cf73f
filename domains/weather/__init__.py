"""Weather: hourly observations at New York's three airports, and where visibility will be low."""
