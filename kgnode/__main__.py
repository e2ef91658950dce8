"""``python -m kgnode``."""

from kgnode.cli import main

main()
