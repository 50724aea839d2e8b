"""Who may, and who watches."""
