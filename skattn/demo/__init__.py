"""The demo, ``python -m skattn``; it uses public names only."""
