"""Models of a domain: trained out of time, judged by a gate, rebuilt bit for bit."""
