"""The command line: thin commands, one file each. Nothing imports this package."""
