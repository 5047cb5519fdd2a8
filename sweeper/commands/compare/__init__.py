"""`sweeper compare A B`: two runs side by side, and which winner is better."""
