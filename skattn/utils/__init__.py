"""What every other folder may use: checks of texts and targets, files, optional imports."""
