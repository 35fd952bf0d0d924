"""One program per peer, all with the same command line (task.py); each runs in its peer's own environment."""
