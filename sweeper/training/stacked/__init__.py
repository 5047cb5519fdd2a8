"""The stacked engine: how trials are stacked, stepped, evaluated and measured together."""
