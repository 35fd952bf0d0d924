"""A server that does everything wrong, and clients that behave at random: what must never break, does not.

- ``scripts``: what a server does with one request, made from a number;
- ``http1``, ``http2``, ``tlsports``: how it is done, byte by byte;
- ``origin``: the ports of all of them in one process (``python -m tests.faults.origin``);
- ``client``: bind operations that abort, suspend, read slowly, raise, and check every call and every byte;
- ``soak``: both against each other for as long as wanted (``make soak SECONDS=60``).
"""
