"""Explanations and reports as HTML and on matplotlib axes."""
