"""`python -m tfgen` is the command `tfgen`."""

import sys

from tfgen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
