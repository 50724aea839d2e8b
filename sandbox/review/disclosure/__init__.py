"""Statistical disclosure control: what a table or note would tell about single persons."""
