"""Rules and parsers: pure, in milliseconds."""
