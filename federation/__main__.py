"""``python -m federation``."""

from federation.cli import main

main()
