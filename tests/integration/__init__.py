"""Real sockets and files, the simulator, and a clock handed in."""
