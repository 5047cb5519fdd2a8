"""Code of the user: looked up, called, and what it changes noticed or put back."""
