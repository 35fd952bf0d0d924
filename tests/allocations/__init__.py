"""Every allocation of the core fails once; see ``walk``."""
