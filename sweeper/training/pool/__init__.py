"""Where work runs: one small interface, and the pools that have it. They know calls and results alone."""
