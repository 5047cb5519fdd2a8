"""Which trials to train, in which order, and when to give one up. The only importer of optuna."""

import warnings

with warnings.catch_warnings():
    # In a notebook the import of optuna asks for widgets of progress bars that nothing here shows.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import optuna  # noqa: F401
