"""Operations: every departure from New York's three airports, and the delay to expect."""
