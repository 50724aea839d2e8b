"""What leaves: requests, screening, rules, packages, the desk."""
