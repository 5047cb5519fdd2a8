"""The page, the card, the live page, `script/`, `advice/`."""
