"""TOML to a frozen, validated `Study`; the search space."""
