"""What is allowed: datasets, authorizations, grades and roles, read from TOML."""
