"""One suite for every implementation of a port, the fakes included."""
