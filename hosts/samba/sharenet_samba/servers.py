"""The verbs about share servers."""

from __future__ import annotations

import ipaddress
from contextlib import AbstractContextManager
from dataclasses import asdict
from types import ModuleType

from . import host_registry, keeper, links, network, state_size
from .call_order import in_turn, is_newest
from .deadline import Deadline
from .instance import Instance
from .layout import Layout
from .locks import locked
from .problem import Problem, rejected, unavailable
from .request import INTERFACE, WORKGROUP, Fields, WantedServer, owner_of, server_id_of, server_of, settings_of
from .restrictions import check_segments
from .state import Owner, State


def directory_part() -> ModuleType:
    """The directory part is loaded only where a security service is concerned."""
    from . import directory

    return directory


def check_owner(state: State, owner: Owner) -> None:
    if state.owner != owner:
        raise rejected(
            "ForeignObject",
            "the share server belongs to another installation of the operator or to another tenant; it is left alone",
        )


def owned_instance(layout: Layout, request: Fields, deadline: Deadline) -> Instance:
    """The server that the request is about, to be called with its lock. NotFound, or Rejected when it is another's."""
    owner = owner_of(request)
    instance = Instance(layout, server_id_of(request), deadline)
    if not instance.exists:
        raise Problem("NotFound", "ShareServerNotFound", "the share server does not exist on the file server host")
    check_owner(instance.state, owner)
    if instance.state.phase == "removing":
        raise rejected("ShareServerBeingRemoved", "the share server is being removed")
    _follow_settings(layout, instance, request)
    return instance


def _follow_settings(layout: Layout, instance: Instance, request: Fields) -> None:
    """Brings denied ranges into force that the backend's settings have now, unless a newer call told others. They are
    stored after that: a call that was killed in between leaves the difference to the next one."""
    settings = {**instance.state.settings, **settings_of(request)}
    newest = "settings" not in request.value or is_newest(layout, request, "settings")
    if settings == instance.state.settings or not newest:
        return
    instance.state.settings = settings
    network.renew_denied(instance.paths, instance.state)
    instance.save()


def ready_instance(layout: Layout, request: Fields, deadline: Deadline) -> Instance:
    """As owned_instance, for a server that was set up to the end; it is brought up if it is down."""
    instance = owned_instance(layout, request, deadline)
    if instance.state.phase != "ready":
        raise rejected("ShareServerNotReady", "the share server was not set up to the end; create it again first")
    bring_up(instance)
    return instance


def bring_up(instance: Instance) -> None:
    """Starts the server with its daemons where it is down."""
    was_down = instance.leader() is None
    instance.open()
    if was_down:
        instance.start(set(instance.state.daemons))


def lock_of(layout: Layout, request: Fields, deadline: Deadline) -> AbstractContextManager[None]:
    return locked(layout, server_id_of(request), deadline, "this share server")


def service_of(request: Fields, name: str) -> dict | None:
    fields = request.optional_fields(name)
    return None if fields is None else fields.value


def services_of(request: Fields) -> list[dict]:
    return [Fields(each, f"securityServices[{i}]").value for i, each in enumerate(request.list("securityServices", 10))]


def _new_state(request: Fields, wanted: WantedServer, owner: Owner, interface: str, settings: dict) -> State:
    return State(
        owner=owner,
        server_id=wanted.id,
        name=wanted.name,
        hostname=wanted.hostname,
        interface=interface,
        allocations=wanted.allocations,
        workgroup=request.optional_text("workgroup", WORKGROUP) or "WORKGROUP",
        links=links.plan(wanted.id, interface, wanted.allocations),
        settings=settings,
    )


def _adopt(layout: Layout, request: Fields, deadline: Deadline) -> Instance:
    """The instance with its state stored. The same request again finds what the one before made."""
    owner = owner_of(request)
    wanted = server_of(request)
    interface = request.text("interface", INTERFACE)
    settings = settings_of(request)
    instance = Instance(layout, wanted.id, deadline)
    if instance.exists:
        check_owner(instance.state, owner)
        if instance.state.phase == "removing":
            raise rejected("ShareServerBeingRemoved", "the share server is being removed")
        same = instance.state.allocations == wanted.allocations and instance.state.interface == interface
        if same:
            if is_newest(layout, request, "settings"):
                instance.state.settings = settings
                instance.save()
            return instance
        if instance.state.phase == "ready":
            raise rejected("ShareServerDiffers", "the share server exists with other addresses")
        end_processes(instance)
        network.tear_down(instance.paths, instance.state)
    check_segments(interface, wanted.allocations)
    state = _new_state(request, wanted, owner, interface, settings)
    with host_registry.host_lock(deadline):
        host_registry.claim(layout, wanted.id, interface, wanted.allocations)
        is_newest(layout, request, "settings")
        instance.adopt(state)
    return instance


def details_of(instance: Instance) -> dict[str, str]:
    """What tenants see of the server."""
    state = instance.state
    addresses = ",".join(each.ip_address for each in state.allocations)
    return {"hostname": state.hostname, "addresses": addresses, "workgroup": _workgroup(state)}


def _workgroup(state: State) -> str:
    return state.sections.get("global", {}).get("workgroup", state.workgroup)


def _answer(instance: Instance, outcome: dict | None) -> dict:
    outcome = outcome or {}
    return {
        "details": {**details_of(instance), **outcome.get("details", {})},
        "warnings": outcome.get("warnings", []),
    }


def create(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, interface, owner, server, workgroup?, securityServices, settings} -> {details, warnings}."""
    services = services_of(request)
    with in_turn(layout, request, deadline, "server"):
        instance = _adopt(layout, request, deadline)
        try:
            instance.open()
            outcome = directory_part().apply_initial(instance, services, instance.state.settings)
            instance.wait_for_smbd()
        except Problem as problem:
            # The server is known from now on: the caller gets to know it, so that it removes it.
            problem.partial = {"details": details_of(instance), **(problem.partial or {})}
            raise
        instance.state.phase = "ready"
        instance.save()
        return _answer(instance, outcome)


def describe(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, settings?} -> {exists, healthy, reason?, message?, details, warnings,
    credentialsExpireTime?}. Changes nothing but which ranges the server may not reach."""
    with lock_of(layout, request, deadline):
        try:
            instance = owned_instance(layout, request, deadline)
        except Problem as problem:
            if problem.kind != "NotFound":
                raise
            return {"exists": False, "healthy": False, "reason": problem.reason, "details": {}, "warnings": []}
        network.renew_denied(instance.paths, instance.state)
        outcome = None
        wrong = _what_is_wrong(instance)
        if wrong is None and instance.state.directory:
            outcome = directory_part().health(instance) or {}
            if not outcome.get("healthy", True):
                reason = outcome.get("reason", "DirectoryUnhealthy")
                wrong = (reason, outcome.get("message", "the directory can't be used"))
        answer = {"exists": True, "healthy": wrong is None, **_answer(instance, outcome)}
        if instance.state.directory:
            answer["credentialsExpireTime"] = directory_part().credentials_expire_time(instance)
        return answer if wrong is None else {**answer, "reason": wrong[0], "message": wrong[1]}


def _what_is_wrong(instance: Instance) -> tuple[str, str] | None:
    if instance.state.phase != "ready":
        return ("ShareServerNotReady", "the share server was not set up to the end")
    if instance.leader() is None:
        too_large = state_size.problem(instance.paths, instance.state)
        if too_large is not None:
            return (too_large.reason, too_large.message)
        # A living keeper is already at it, but an address that another machine took keeps it from succeeding.
        if keeper.lives(instance.paths):
            return ("ServerStarting", "the share server is not running on its host; it is being started again")
        return ("ServerNotRunning", "the share server is not running on its host")
    missing = network.missing_addresses(instance.paths, instance.state)
    if missing:
        return ("AddressMissing", f"the share server does not have its address {', '.join(missing)}")
    for name in instance.state.daemons:
        if not instance.running(name):
            return ("DaemonNotRunning", f"{name} of the share server is not running; it is being started again")
    if "smbd" in instance.state.daemons:
        try:
            instance.wait_for_smbd(3)
        except Problem as problem:
            return (problem.reason, problem.message)
    return None


def check(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, newService, currentService?, shares} -> {compatible, reason?, message?, impact}."""
    with lock_of(layout, request, deadline):
        instance = ready_instance(layout, request, deadline)
        current = service_of(request, "currentService")
        settings = settings_of(request) or instance.state.settings
        shares = [each for each in request.list("shares") if isinstance(each, str)]
        return directory_part().check(instance, request.fields("newService").value, current, settings, shares)


def update_security_service(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, server, newService, currentService?, attemptedService?} -> {details, warnings}."""
    with in_turn(layout, request, deadline, "server"):
        instance = ready_instance(layout, request, deadline)
        settings = settings_of(request) or instance.state.settings
        outcome = directory_part().update(
            instance,
            request.fields("newService").value,
            service_of(request, "currentService"),
            service_of(request, "attemptedService"),
            settings,
        )
        return _answer(instance, outcome)


def end_processes(instance: Instance) -> None:
    """Ends the server's keeper, and with it all of its processes."""
    if not keeper.end(instance.paths):
        raise unavailable("ServerNotStopping", "the share server's processes do not end", retry_after=10)


def list_all(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root} -> {servers: [{id, owner, name, addresses, phase, shares}]}; {id, problem} of one that can't be read."""
    result = []
    for server_id in layout.server_ids():
        try:
            instance = Instance(layout, server_id, deadline)
        except Problem as problem:
            result.append({"id": server_id, "problem": problem.message})
            continue
        if instance.exists:
            state = instance.state
            owner = asdict(state.owner)
            result.append(
                {
                    "id": server_id,
                    "owner": {"installationID": owner["installation_id"], "namespaceUID": owner["namespace_uid"]},
                    "name": state.name,
                    "addresses": [str(ipaddress.ip_address(each.ip_address)) for each in state.allocations],
                    "phase": state.phase,
                    "shares": sorted(state.shares),
                }
            )
    return {"servers": result}
