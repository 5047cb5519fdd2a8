"""Parts of the fused engine: how trials are stacked, stepped, evaluated and measured together."""
