"""Hostile and benign files, made when the tests run; none of them is kept as bytes."""
