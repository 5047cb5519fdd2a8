"""`sweeper lr-range STUDY`: short trainings at many learning rates, and a range to search."""
