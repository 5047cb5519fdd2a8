"""The version of this package, which stands here alone, and those of what it computes with."""

import platform
from importlib.metadata import PackageNotFoundError, version

__version__ = "0.2.0"
DISTRIBUTION = "sweeper-torch"
"""The name under which the package is installed; the index knows another `sweeper`."""
PACKAGES = ("torch", "optuna", "numpy", "pandas", "scikit-learn")
"""Those that decide numbers."""


def versions() -> str:
    """Of Python, this package and `PACKAGES`."""
    said = [f"Python {platform.python_version()}", f"sweeper {__version__}"]
    for name in PACKAGES:
        try:
            said.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # run from a folder that was never installed
            continue
    return ", ".join(said)
