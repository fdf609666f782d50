"""The program as its users run it: processes, signals, exit statuses, unit files, containers."""
