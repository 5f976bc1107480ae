"""`python -m kie_sync.cli`: the command line where no script is installed."""

from . import main

main()
