"""How the product draws: style, scales, and PNG files."""
