"""Downloads to files by a program that is killed at random moments; see ``rounds``."""
