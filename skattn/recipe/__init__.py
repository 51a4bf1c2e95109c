"""The recommended classifier of raw texts: its network, its linear model and their weights."""
