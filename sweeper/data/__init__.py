"""Data: where they come from, as parts, targets and facts."""
