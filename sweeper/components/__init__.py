"""What trials are made of: activations, optimizers, losses, metrics, penalties, initializers, models."""
