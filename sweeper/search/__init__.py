"""2 proposed: which trials to train, in which order, and when to give one up. The only importer of optuna."""
