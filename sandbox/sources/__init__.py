"""The only readers of raw rows."""
