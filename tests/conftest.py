"""Settings for every test."""

from hypothesis import settings

# A slow machine is no failure; what is slow is measured by the benchmarks.
settings.register_profile("stackhaven", deadline=None, print_blob=True)
settings.load_profile("stackhaven")
