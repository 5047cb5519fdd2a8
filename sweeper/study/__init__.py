"""1 asked: TOML -> frozen, validated `Study`; the search space."""
