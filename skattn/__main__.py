"""``python -m skattn`` runs the demo."""

import sys

from skattn.demo._command_line import main

if __name__ == "__main__":
    sys.exit(main())
