"""Screening: bytes become a canonical form inside a throw-away process, and what it shows is checked."""
