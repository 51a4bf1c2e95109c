"""What is inside a fitted model, found by what it can do: attention, linear models, votes."""
