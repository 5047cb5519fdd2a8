"""Training steps of stacks as machine code, slot after slot."""
