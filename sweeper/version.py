"""The version of this package: the only place where it stands."""

__version__ = "0.2.0"
DISTRIBUTION = "sweeper-torch"
"""The name under which the package is installed; the index knows another `sweeper`."""
