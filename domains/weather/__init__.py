"""Weather: hourly observations at New York's three airports, and the low visibility to expect."""
