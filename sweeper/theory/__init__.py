"""What should happen: mean-field gradient propagation, stability limits of step sizes."""
