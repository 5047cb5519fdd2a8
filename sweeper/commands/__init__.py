"""Commands that are more than a look at a run: each a room with its trainings, table, figure and words."""
