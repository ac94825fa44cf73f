"""Models as a domain declares them: trained out of time, judged by a gate, rebuilt bit for bit."""
