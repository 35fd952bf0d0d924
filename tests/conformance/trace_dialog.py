"""Traces in which the client brings the protocol: both sides of the conversation are played, step by step.

A step of the vectors is a sentence: what the protocol does, what it gets back, and what is seen in consequence. Each
kind of sentence has an action here; one that is not known fails the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urlmon
from tests.conformance.trace_client import Client
from tests.conformance.trace_moniker import CLSID, facts_of, play_function
from tests.conformance.traces import HRESULT_NAME, Log, act, check, check_result
from tests.conformance.vectors import Case, attempt, flags
from tests.conformance.windows_names import lookup
from tests.recording import in_thread
from tests.servers.scripted import ScriptedServer
from urlmon import HRESULT, TYMED, InternetProtocol, Priority, ProtocolData
from urlmon.identifiers import IID_IHttpNegotiate, IID_IHttpNegotiate2, IID_IHttpSecurity

_WORKER = "from a worker thread: "
_IN_CONTINUE = "in Continue: "
_SEEN = re.compile(r"(?:object callback: |second: )?([A-Za-z]\w*(?:\.\w+)*)(?:\(([^,)]*)[^)]*\))?")
_CALLBACK_CALLS = ("On", "GetBindInfo", "IHttpNegotiate", "IPersistMoniker", "IMonikerProp")


def _expected(sentence: str) -> tuple[str, bool]:
    """(key, whether it has to be seen) of what a list of things seen names."""
    match = _SEEN.match(sentence)
    assert match is not None, sentence
    name, detail = match.groups()
    if name == "OnProgress":
        name = f"OnProgress:{detail}"
    return name, "[optional]" not in sentence


def _tolerated(told: list[str], position: int) -> int:
    """The file that the protocol named may be told of after the beginning of the data (contract 3.2, rule 6)."""
    if told[position : position + 1] == ["OnProgress:BINDSTATUS_CACHEFILENAMEAVAILABLE"]:
        assert told[position - 1] == "OnProgress:BINDSTATUS_BEGINDOWNLOADDATA"
        return position + 1
    if told[position - 1 : position + 1] == ["OnProgress:BINDSTATUS_DOWNLOADINGDATA", "OnDataAvailable"]:
        return (
            position + 1
        )  # each progress of the data has its notification (rule 3), also where it is optional
    return position


def _next(told: list[str], position: int, key: str) -> int | None:
    """Where to go on after `key`, None if it is not what comes next."""
    for at in (position, _tolerated(told, position)):
        if told[at : at + 1] == [key]:
            return at + 1
    return None


def match_calls(seen: list[str], sentences: list[str]) -> None:
    """The calls of a callback that were seen are those of the sentences, in their order."""
    wanted = [pair for pair in map(_expected, sentences) if pair[0].startswith(_CALLBACK_CALLS)]
    told = [key for key in seen if key.startswith(_CALLBACK_CALLS)]
    position = 0
    for key, must in wanted:
        following = _next(told, position, key)
        assert following is not None or not must, f"{key} is missing at {position}: {told}, wanted {wanted}"
        position = position if following is None else following
    position = _tolerated(told, position)
    assert position == len(told), f"more than expected: {told[position:]}, wanted {wanted}"


class Player(InternetProtocol):
    """The protocol: performs the steps of the dialog that belong to its own calls."""

    def __init__(self, case: Case, log: Log, folder: Path, bulk: bytes) -> None:
        self.case = case
        self.log = log
        self.steps: list[Case] = list(case["dialog"])
        self.path = str(folder / "cache file")
        self.content = [urlmon_page]
        self.bulk = bulk
        self.turn = 0
        self.in_read: Callable[[], None] | None = None
        self.continuing: list[Case] = []
        self.sink: Any = None
        self.bind_info: Any = None
        self.client: Any = None
        self.url = ""
        self.after_start = False

    # -- calls of the system ------------------------------------------------------------------------------------------

    def start(self, url: str, sink: Any, bind_info: Any, flags: int = 0, reserved: Any = None) -> HRESULT:
        self.log.add("protocol.Start", grfPI=int(flags), reserved=reserved)
        self.url, self.sink, self.bind_info = url, sink, bind_info
        self._check_start()
        while self.steps:
            text = self.steps[0]["protocol"]
            if text.startswith(("Start returns", "Continue is called", _WORKER, "protocol.UnlockRequest")):
                break
            step = self.steps.pop(0)
            self.perform(step)
            if str(step.get("then", "")).startswith("Start returns E_PENDING"):
                return HRESULT.E_PENDING
        return HRESULT.S_OK

    def _check_start(self) -> None:
        start = self.case.get("start", {})
        wanted = start.get("returns_to_protocol", {}).get("grfBINDF", start.get("grfBINDF_seen_by_protocol"))
        seen, info = self.bind_info.get_bind_info()
        if wanted is not None:
            assert seen == flags(wanted)
        if "dwOptions = 0x100000" in start.get("returns_to_protocol", {}).get("BINDINFO", ""):
            assert info.options == 0x100000
        assert start.get("thread", "caller") == "caller"

    def continue_(self, data: ProtocolData) -> HRESULT:
        self.log.add("protocol.Continue")
        assert data == ProtocolData(data.flags, 3, "the data")
        steps, self.continuing = self.continuing, []
        for step in steps:
            self.perform(step)
        return HRESULT.S_OK

    def read(self, size: int) -> bytes | None:
        self.log.add("protocol.Read")
        if self.in_read is not None:
            action, self.in_read = self.in_read, None
            action()
            self.bulk = b""
            return b""
        if not self.bulk:
            return self.content.pop() if self.content else b""
        self.turn += 1
        return self.bulk[:1] * min(size, 1000) if self.turn % 2 else None

    def abort(self, reason: int) -> HRESULT:
        self.log.add("protocol.Abort")
        assert self.sink.report_result(reason) == HRESULT.S_OK
        return HRESULT.S_OK

    def terminate(self) -> None:
        self.log.add("protocol.Terminate")

    def lock_request(self) -> None:
        self.log.add("protocol.LockRequest")

    def unlock_request(self) -> None:
        self.log.add("protocol.UnlockRequest")

    # -- steps --------------------------------------------------------------------------------------------------------

    def perform(self, step: Case) -> None:
        """Does what the step says, and compares what it gets back and what is seen meanwhile."""
        before = len(self.log.entries)
        text = step["protocol"].removeprefix(_WORKER).removeprefix(_IN_CONTINUE)
        answer = self._act(text)
        if "returns" in step and answer is not None:
            names = HRESULT_NAME.findall(step["returns"])
            assert HRESULT(answer).name == names[-1], f"{text}: {HRESULT(answer).name}, not {step['returns']}"
        if "client_sees" in step and not step["protocol"].startswith(_WORKER):
            self.compare(step["client_sees"], before)

    def compare(self, sentences: list[str], before: int) -> None:
        """The client's calls in order and nothing else; calls of the protocol in any place among them."""
        seen = [entry.key for entry in self.log.entries[before:]]
        for key, must in map(_expected, sentences):
            if key.startswith("protocol."):
                optional = key == "protocol.Read" and "medium" in self.case  # with TYMED_FILE
                assert key in seen or optional or not must, f"{key} is missing: {seen}"
        match_calls(seen, sentences)

    def _act(self, text: str) -> Any:
        return act(_ACTIONS, self, text)

    def bind_string(self, name: str) -> Any:
        try:
            strings = self.bind_info.get_bind_string(lookup(name))
        except urlmon.BindError as error:
            return error.hresult
        assert strings == ["*/*"]
        return HRESULT.S_OK

    def negotiate(self) -> Any:
        assert self.sink.query_service(IID_IHttpNegotiate).beginning_transaction(self.url, None) is None
        return HRESULT.S_OK

    def security_id(self) -> Any:
        return self.sink.query_service(IID_IHttpNegotiate2).get_root_security_id()

    def service(self, name: str) -> Any:
        known = {
            "IHttpNegotiate": IID_IHttpNegotiate,
            "IHttpNegotiate2": IID_IHttpNegotiate2,
            "IHttpSecurity": IID_IHttpSecurity,
        }
        return HRESULT.E_NOINTERFACE if self.sink.query_service(known[name]) is None else HRESULT.S_OK

    def progress(self, status: str, text: str | None) -> Any:
        words = {"None": None, "path": self.path, "host": "host", "address": "address", "''": ""}
        plain = words[text] if text in words else str(text).strip("'")
        return self.sink.report_progress(lookup(status), plain)

    def data(self, names: str, progress: str, total: str) -> Any:
        return self.sink.report_data(flags(names.split("|")), int(progress), int(total))

    def data_again(self) -> Any:
        return self.data("BSCF_FIRSTDATANOTIFICATION|BSCF_LASTDATANOTIFICATION", "13", "13")

    def result(self, name: str) -> Any:
        return self.sink.report_result(lookup(name), 0, None)

    def switch(self, options: str = "") -> Any:
        return self.sink.switch(ProtocolData(flags([options]) if options else 0, 3, "the data"))

    def forced_switch(self, options: str) -> Any:
        return self.switch(options)

    def response(self) -> Any:
        negotiate = self.sink.query_service(IID_IHttpNegotiate)
        answer = negotiate.on_response(200, "HTTP/1.1 200 OK\r\n\r\n", None)
        return HRESULT.S_OK if answer is None else answer

    def switch_on_the_binding(self) -> Any:
        return self.client.binding.switch(ProtocolData(0, 3, "the data"))

    def nothing(self, *_: str) -> None:
        """Has no counterpart, or is seen elsewhere."""


urlmon_page = b"<HTML></HTML>"

_ACTIONS: dict[str, Callable[..., Any]] = {
    r"bindinfo\.GetBindString\((\w+), .*\)": Player.bind_string,
    r"same with no (?:array|count pointer)": Player.nothing,  # there are no pointers
    r"bindinfo\.QueryInterface\(IServiceProvider\)": Player.nothing,  # it has query_service
    r"QueryService\((\w+)\)": Player.service,
    r"negotiate\.BeginningTransaction\(.*\)": Player.negotiate,
    r"negotiate2\.GetRootSecurityId\(.*\)": Player.security_id,
    r"Start returns S_OK after creating the worker thread": Player.nothing,
    r"binding object itself: QueryInterface\(\w+\), then Switch\(data\)": Player.switch_on_the_binding,
    r"(?:in Start: )?sink\.Switch\(data\)": Player.switch,
    r"(?:in Start: )?sink\.Switch\(\{grfFlags: (\w+)\}\)": Player.forced_switch,
    r"sink\.QueryInterface\(IServiceProvider\)\.QueryService\(IHttpNegotiate\)\.OnResponse\(200, .*\)": Player.response,
    r"sink\.ReportProgress\((\w+), (.*)\)": Player.progress,
    r"sink\.ReportData\(([\w|]+), (\d+), (\d+)\)(?: again)?": Player.data,
    r"sink\.ReportData again": Player.data_again,
    r"sink\.ReportResult\((\w+), 0, None\)": Player.result,
}


class PrioritisedPlayer(Player):
    """One that offers IInternetPriority."""

    def set_priority(self, priority: int) -> None:
        self.log.add("protocol.IInternetPriority.SetPriority", priority=priority)


class Loader:
    """The object of an object bind: loads itself from the moniker, with the second callback."""

    def __init__(self, player: Player, second: Client) -> None:
        self.player = player
        self.second = second

    def put_property(self, name: str, value: Any) -> None:
        self.player.log.add("IMonikerProp.PutProperty")
        assert value == {"MIMETYPEPROP": "text/html", "CLASSIDPROP": CLSID}[name]

    def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
        case = self.player.case
        load = case["object_load"]
        self.player.log.add("IPersistMoniker.Load")
        assert fully is load["fFullyAvailable"]
        assert hex(mode) == load["grfMode"]
        assert hasattr(context.get_object_param("CBinding Context"), "join")
        before = len(self.second.log.entries)
        urlmon.register_bind_status_callback(context, self.second)
        stream = moniker.bind_to_storage(context)
        assert stream is not None
        rebind = case["rebind"]
        wanted = [
            _expected(sentence)[0] for sentence in rebind["second_callback_sees"] if "Query" not in sentence
        ]
        seen = [entry.key for entry in self.second.log.entries[before:]]
        assert seen == [key for key in wanted if not key.startswith("protocol.")]
        assert not set(seen) & {_expected(sentence)[0] for sentence in rebind["never"]}


def play(case: Case, folder: Path) -> None:
    """The bind of the case, on the protocol of the case."""
    given = case["given"]
    log = Log()
    slow = "worker thread" in given["protocol"] or "asks to be continued" in given["protocol"]
    prioritised = any(one.get("call", "").endswith("SetPriority") for one in case["expected_calls"])
    player = (PrioritisedPlayer if prioritised else Player)(case, log, folder, b"x" if slow else b"")
    client = player.client = Client(case, log, player)
    url = given["url"].replace("<absolute DOS path of index.html>", str(folder / "index.html"))
    (folder / "index.html").write_bytes(urlmon_page)
    if url.startswith("file:"):
        player.path = str(folder / "index.html")
    context = urlmon.create_async_bind_ctx(client)
    moniker = urlmon.create_url_moniker(url)
    second = Client(case, Log(), None)
    second.is_http, second.lets_go = False, True
    if given["api"] == "IMoniker::BindToObject":
        urlmon.register_media_type_class("text/html", lambda: Loader(player, second), CLSID, context=context)
        name, returned = attempt(lambda: moniker.bind_to_object(context))
    else:
        storage = getattr(TYMED, given["tymed"].removeprefix("TYMED_"))
        name, returned = attempt(lambda: moniker.bind_to_storage(context, storage))
    if name == "S_OK" and returned is None and client.info.asynchronous:
        name = "MK_S_ASYNCHRONOUS"
    accepts_any = case["result"]["hresult"].startswith("one of")
    check_result(case, "MK_S_ASYNCHRONOUS" if accepts_any and name == "S_OK" else name, returned)
    _play_the_rest(player, client, second)
    if any("UnlockRequest" in str(step) for step in case["dialog"]):
        del returned
        assert log.keys[-1] == "protocol.UnlockRequest"
    if "medium" in case:
        assert {told["medium"].path for told in log.of("OnDataAvailable")} == {player.path}
    facts = facts_of(url, client)
    if not client.info.asynchronous:
        facts["least priority"] = Priority.HIGHEST  # the thread waits for it
    check(case, log, facts)


def _play_the_rest(player: Player, client: Client, second: Client) -> None:
    """The steps after the bind has returned: each on a worker thread, then the pump runs until it is quiet."""
    nested = player.case["given"]["api"] == "IMoniker::BindToObject"
    while player.steps:
        step = player.steps.pop(0)
        text = step["protocol"]
        if text.startswith("protocol.UnlockRequest"):
            continue
        before = len(player.log.entries), len(second.log.entries)
        after = step.get("after_continue_on_client_thread", [])
        player.continuing = step.get("inside_continue", [])
        _prepare(player, client, after)
        if text.startswith(_WORKER):
            in_thread(lambda step=step: player.perform(step))
        elif not text.startswith("Continue is called"):
            player.perform(step)
        while urlmon.pump(0):
            pass
        wanted = [*step.get("client_sees", []), *after]
        wanted += [one["client_sees"][0] for one in step.get("inside_continue", []) if one["client_sees"]]
        _compare_all(player, second if nested else None, wanted, before)
        for never in step.get("never_after_abort", []):
            keys = player.log.keys[player.log.keys.index("protocol.Abort") :]
            assert never not in keys


def _prepare(player: Player, client: Client, after: list[str]) -> None:
    """What the protocol or the client does inside of what is about to be seen."""
    for sentence in after:
        if sentence.startswith("protocol.Read -> inside it"):
            reports = re.findall(r"sink\.(?:ReportData|ReportResult)\([^)]*\)", sentence)
            player.in_read = lambda reports=reports: [player._act(one) for one in reports] and None  # type: ignore[misc]
        if "the client calls IBinding::Abort here" in sentence:

            def abort() -> None:
                assert client.binding.abort() == HRESULT.S_OK
                assert player.log.keys[-1] == "protocol.Abort"
                assert client.binding.abort() == HRESULT.E_FAIL

            client.hooks["OnProgress:BINDSTATUS_DOWNLOADINGDATA"] = abort


def _compare_all(player: Player, second: Client | None, wanted: list[str], before: tuple[int, int]) -> None:
    """With two clients: the first one's are the object callback's calls, the second one's the others."""
    if second is None:
        player.compare(_in_order(wanted), before[0])
        return
    others = [one for one in wanted if one.startswith("On")]
    player.compare(_in_order([one for one in wanted if one not in others]), before[0])
    told = [entry.key for entry in second.log.entries[before[1] :]]
    if "GetBindInfo" not in told:  # else compared where the object was loaded
        match_calls(told, others)


def _in_order(wanted: list[str]) -> list[str]:
    """What is seen inside Continue comes before what follows it."""
    inside = [one for one in wanted if one.startswith("IHttpNegotiate")]
    return [*inside, *(one for one in wanted if one not in inside)]


def play_helper(case: Case, server: ScriptedServer, folder: Path) -> None:
    """A helper function whose callback brings the protocol."""
    log = Log()
    player = Player(case, log, folder, b"")
    player.path = str(folder / "index.html")
    client = play_function(case, server, folder, log, player)
    player.client = client
    seen = player.bind_info.get_bind_info()[0]
    assert seen == flags(case["start"]["grfBINDF_seen_by_protocol"])
