"""Settings that every test shares."""

import os

from hypothesis import settings

# No deadline: a shared or small machine stalls now and then, and a stall is not a fault of the code.
settings.register_profile("local", deadline=None)
# In CI the same examples every time: a red run must mean that the change under test is at fault.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
