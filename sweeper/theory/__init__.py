"""What should happen: mean-field gradient propagation, facts of activations."""
