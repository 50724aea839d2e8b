"""Who has how much left."""
