"""What priorities do on a full link, and what they cost where nothing competes. See README.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import delayline, namespaces, nginx
from benchmarks.conftest import Figure, Figures, paired_ratio
from benchmarks.measuring import measure
from benchmarks.namespaces import Namespace

Replay = Callable[..., None]

HIGHEST, NORMAL, BELOW_NORMAL = 2, 0, -1
NAMES = {NORMAL: "NORMAL", BELOW_NORMAL: "BELOW_NORMAL"}
BULK_SIZE = 256 << 20
ENDLESS = 64 << 30  # longer than anything here takes; a sparse file costs nothing
URGENT_SIZE = 256 << 10
GIB = 1 << 30
MBIT = 8e-6
CONTROLS = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")


@dataclass(frozen=True)
class Site:
    """A server with files, and from where it is used."""

    name: str
    url: str
    client: Namespace | None


def _need(*reasons: str | None) -> None:
    """Skips, saying why, unless all are None."""
    for reason in reasons:
        if reason:
            pytest.skip(reason)


def _site(name: str, server: nginx.Nginx, client: Namespace | None) -> Site:
    server.sparse("bulk", BULK_SIZE)
    server.sparse("endless", ENDLESS)
    server.random("urgent", URGENT_SIZE)
    return Site(name, server.url, client)


# -- a full link -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["cubic", "reno", "bbr"])
def shaped(request: pytest.FixtureRequest) -> Iterator[Site]:
    """100 Mbit/s between two namespaces; the server's congestion control is the parameter."""
    control: str = request.param
    _need(nginx.unavailable(), namespaces.unavailable())
    if control not in CONTROLS.read_text().split():
        pytest.skip(f"this kernel has no congestion control {control}")
    with namespaces.joined_by_veth(control) as pair, nginx.running_nginx(pair.server) as server:
        yield _site(control, server, pair.client)


@dataclass(frozen=True)
class Client:
    """Who downloads. priority: of its bulk; at_most: bound of an urgent fetch's time under load / alone."""

    peer: str
    priority: int | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        return self.peer if self.priority is None else f"{self.peer}, bulk at {NAMES[self.priority]}"


# The peers come first: what they receive is what the link gives, and ours is compared with it.
CLIENTS = [
    Client("pycurl"),
    Client("aiohttp"),
    Client("urlmon", BELOW_NORMAL, at_most=2.5),
    Client("urlmon", NORMAL, at_most=5.0),
]


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_urgent_under_load(
    shaped: Site, client: Client, replay: Replay, figures: Figures, link_rates: dict[str, float]
) -> None:
    """256 KiB at HIGHEST while 32 transfers of 256 MiB fill the link; the rounds are those fetches."""
    ours = client.peer == "urlmon"
    if not ours:
        pytest.importorskip(client.peer)
    results = measure(
        "shaped_client", "urgent", shaped.url, "--peer", client.peer, "--priority", client.priority or 0,
        "--fetches", 9 if ours else 5, namespace=shaped.client,
    )  # fmt: skip
    alone, loaded = statistics.median(results["alone"]), statistics.median(results["loaded"])
    before = results["bulk_before"]
    replay(results["loaded"], **results)
    who = f"{shaped.name}, {client}"
    rows = [
        Figure(f"{who}: urgent fetch alone", alone * 1e3, "ms"),
        Figure(f"{who}: urgent fetch under load", loaded * 1e3, "ms"),
        Figure(f"{who}: under load / alone", loaded / alone, at_most=client.at_most),
        Figure(f"{who}: bulk before", before * MBIT, "Mbit/s"),
    ]
    if ours:
        rows += [
            Figure(f"{who}: bulk meanwhile / before", results["bulk_with"] / before, at_least=0.95),
            Figure(f"{who}: the link meanwhile / before", results["all_with"] / before),
        ]
        if shaped.name in link_rates:
            rows.append(
                Figure(f"{who}: bulk before / pycurl's", before / link_rates[shaped.name], at_least=0.95)
            )
    elif client.peer == "pycurl":
        link_rates[shaped.name] = before
    figures.add(*rows)


@pytest.fixture(scope="module")
def link_rates() -> dict[str, float]:
    """Bytes per second that pycurl's bulk transfers got, by congestion control."""
    return {}


@pytest.mark.root
@pytest.mark.parametrize("bulk", [2, 8])
def test_lowering(shaped: Site, bulk: int, replay: Replay, figures: Figures) -> None:
    """One of equal transfers is lowered to LOWEST; the rounds: how soon that shows in its share."""
    runs = [
        measure(
            "shaped_client", "lowering", shaped.url, "--bulk", bulk, "--settle", 3, namespace=shaped.client
        )
        for _ in range(3)
    ]
    times = [10.0 if run["seconds"] is None else run["seconds"] for run in runs]
    replay(times, runs=runs)
    who = f"{shaped.name}, one of {bulk} lowered to LOWEST"
    figures.add(
        Figure(f"{who}: share before", statistics.median(run["share_before"] for run in runs)),
        Figure(f"{who}: share after", statistics.median(run["share_after"] for run in runs)),
        Figure(f"{who}: seen after", statistics.median(times) * 1e3, "ms", at_most=200),
        Figure(f"{who}: unevenness before", max(run["unevenness"] for run in runs), at_most=0.10),
    )


# -- nothing competes --------------------------------------------------------------------------------


def _cost_of_windows(
    site: Site, bulk: int, replay: Replay, *, rounds: int, settle: float, span: float
) -> list[Figure]:
    """Bulk at BELOW_NORMAL against HIGHEST, where windows are the system's; the rounds: seconds per GiB."""
    runs: dict[int, list[dict[str, float]]] = {BELOW_NORMAL: [], HIGHEST: []}
    for turn in range(rounds):
        for priority in sorted(runs, reverse=bool(turn % 2)):
            runs[priority].append(
                measure(
                    "shaped_client", "throughput", site.url, "--bulk", bulk, "--priority", priority,
                    "--bulk-file", "endless", "--settle", settle, "--span", span, namespace=site.client,
                )
            )  # fmt: skip
    rates = {priority: [run["rate"] for run in those] for priority, those in runs.items()}
    cpu = {
        priority: statistics.median(run["cpu_per_gib"] for run in those) for priority, those in runs.items()
    }
    managed, unmanaged = rates[BELOW_NORMAL], rates[HIGHEST]
    replay([GIB / rate for rate in managed], managed=managed, unmanaged=unmanaged)
    who = f"{site.name}, {bulk} {'stream' if bulk == 1 else 'streams'}"
    return [
        Figure(f"{who}: windows managed", statistics.median(managed) * MBIT, "Mbit/s"),
        Figure(f"{who}: windows the system's", statistics.median(unmanaged) * MBIT, "Mbit/s"),
        Figure(f"{who}: managed / the system's", paired_ratio(managed, unmanaged), at_least=0.97),
        Figure(f"{who}: processor time, managed / the system's", cpu[BELOW_NORMAL] / cpu[HIGHEST]),
    ]


@pytest.fixture(scope="module")
def loopback() -> Iterator[Site]:
    _need(nginx.unavailable())
    with nginx.running_nginx() as server:
        yield _site("loopback", server, None)


@pytest.mark.slow
@pytest.mark.parametrize("bulk", [1, 4, 32])
def test_loopback(loopback: Site, bulk: int, replay: Replay, figures: Figures) -> None:
    # Rates depend on who shares a processor with whom: nine rounds of one stream give medians from 0.93 to 1.04.
    figures.add(*_cost_of_windows(loopback, bulk, replay, rounds=41, settle=0.5, span=0.7))


@pytest.fixture(scope="module")
def long_fat_link() -> Iterator[Site]:
    _need(nginx.unavailable(), namespaces.unavailable(), delayline.unavailable())
    with delayline.joined_by_delay_line("cubic") as pair, nginx.running_nginx(pair.server) as server:
        yield _site("1 Gbit/s, 100 ms", server, pair.client)


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("bulk", [1, 32])
def test_long_fat_link(long_fat_link: Site, bulk: int, replay: Replay, figures: Figures) -> None:
    figures.add(*_cost_of_windows(long_fat_link, bulk, replay, rounds=5, settle=3.0, span=3.0))
