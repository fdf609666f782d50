"""What all tests have in common."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure; what a test may cost in all is bounded by pytest's own time-out.
settings.register_profile("backupd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("backupd")
