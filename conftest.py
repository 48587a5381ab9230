"""Settings that every test shares, those in the docstrings too."""

import importlib.util
import os
import signal

from hypothesis import settings

os.environ["PELLUCID_CACHE"] = ""  # what the tests compile is kept nowhere

# Examples in docstrings that need a package which is not installed are left out, as the tests are that it judges.
collect_ignore_glob = [] if importlib.util.find_spec("jax") else ["src/pellucid/engines/jax/*"]
if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
    collect_ignore_glob.append("src/pellucid/exchange/onnx/*")
if not importlib.util.find_spec("tensorboard"):
    collect_ignore_glob.append("src/pellucid/training/tracking.py")
if not importlib.util.find_spec("sklearn"):
    collect_ignore_glob.append("src/pellucid/estimators/*")
collect_ignore_glob.append("tests/published/*")  # scripts, which a test runs

# A shell that starts something in the background makes it deaf to Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a shared or small machine stalls now and then, and a stall is not a fault of the code.
settings.register_profile("local", deadline=None)
# In CI the same examples every time: a red run must mean that the change under test is at fault.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
