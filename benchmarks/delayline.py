"""A long fat link between two namespaces: 1 Gbit/s and 50 ms each way, without the kernel's netem.

Two TUN devices and a process between them that passes each packet on when its time has come. So that Python
keeps up, packets are large: jumbo frames, taken before segmentation where TCP sends several at once (up to
64 KiB with a header that says how to cut them, as virtual machines do). What waits is bounded, and packets
beyond are dropped.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.namespaces import NamespacePair, namespace_pair

__all__ = ["joined_by_delay_line", "unavailable"]

BITS_PER_SECOND = 1_000_000_000
DELAY = 0.050
QUEUE_BYTES = 12_500_000
"""What may wait for its turn on the wire: 100 ms, as much as one round trip carries."""
MTU = 9000
BUFFER_MOST = 64 << 20
"""Bytes that the kernel may tune a socket's buffers to; the usual 4 MiB to send would not fill the link."""

# linux/if_tun.h
TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
HEADER = 10  # struct virtio_net_hdr
PACKET_MOST = HEADER + (64 << 10)
GRAIN = 0.0002  # seconds; packets that are due so close to each other are one batch


def unavailable() -> str | None:
    """Why there can be no delay line here, given that there can be namespaces; None where there can."""
    try:
        os.close(_open_tun("urlmon-probe"))
    except OSError as error:
        return f"no TUN device can be made: {error}"
    return None


@contextlib.contextmanager
def joined_by_delay_line(congestion_control: str = "cubic") -> Iterator[NamespacePair]:
    """Two namespaces with a long fat link."""
    with namespace_pair(BUFFER_MOST) as pair:
        devices = [f"um{os.getpid()}s", f"um{os.getpid()}c"]
        command = [sys.executable, "-m", "benchmarks.delayline", *devices]
        root = Path(__file__).resolve().parent.parent
        relay = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert relay.stdout is not None
            if relay.stdout.readline() != "ready\n":
                raise RuntimeError("the delay line does not start")
            for namespace, device in zip((pair.server, pair.client), devices, strict=True):
                subprocess.run(["ip", "link", "set", device, "netns", namespace.name], check=True)
                namespace.ip("link", "set", device, "mtu", str(MTU), "txqueuelen", "10000")
                namespace.begin(device, congestion_control)
            yield pair
        finally:
            relay.communicate()  # it ends, and the devices with it, when its input does


# -- the process between -----------------------------------------------------------------------------


def _open_tun(name: str) -> int:
    """A descriptor for a new TUN device, which lives as long; it may be moved to another namespace."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    except OSError:
        os.close(fd)
        raise
    return fd


class Direction:
    """Packets from one device to the other: each leaves when the wire is free, and arrives `DELAY` later."""

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.target = target
        self.waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self.free_at = 0.0
        self.dropped = 0

    def take(self, now: float) -> None:
        """Reads what was sent."""
        while True:
            try:
                packet = os.read(self.source, PACKET_MOST)
            except BlockingIOError:
                return
            except OSError:
                return  # the device is not up yet, or its namespace is gone
            begin = max(now, self.free_at)
            if (begin - now) * BITS_PER_SECOND > QUEUE_BYTES * 8:
                self.dropped += 1
                continue
            self.free_at = begin + len(packet) * 8 / BITS_PER_SECOND
            self.waiting.append((self.free_at + DELAY, packet))

    def deliver(self, now: float) -> None:
        """Hands over what has arrived."""
        while self.waiting and self.waiting[0][0] <= now:
            packet = self.waiting.popleft()[1]
            with contextlib.suppress(OSError):  # as in `take`; and the device refuses what is no IP packet
                os.write(self.target, packet)


def relay(one: int, other: int) -> None:
    """Passes packets between two descriptors until standard input ends."""
    directions = [Direction(one, other), Direction(other, one)]
    sources = [one, other, sys.stdin.fileno()]
    while True:
        times = [direction.waiting[0][0] for direction in directions if direction.waiting]
        patience = max(GRAIN, min(times) - time.monotonic()) if times else None
        ready = select.select(sources, [], [], patience)[0]
        if sys.stdin.fileno() in ready:
            return
        now = time.monotonic()
        for direction in directions:
            if direction.source in ready:
                direction.take(now)
            direction.deliver(now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devices", nargs=2)
    names = parser.parse_args().devices
    os.nice(-15)  # a link does not wait for the programs that use it
    one, other = _open_tun(names[0]), _open_tun(names[1])
    print("ready", flush=True)
    relay(one, other)


if __name__ == "__main__":
    main()
