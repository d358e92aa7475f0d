"""The control endpoint of the fake CleverTap, under `/_fake/`: for tests, not part of CleverTap, not
counted."""

from collections.abc import Callable, Sequence

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clevertap_import.sandbox.clevertap.account import Account
from clevertap_import.sandbox.clevertap.behaviour import Behaviour
from clevertap_import.sandbox.clevertap.faults import Fault, FaultPlan

FAULTS = TypeAdapter(list[Fault])


def control_routes(account: Account) -> Sequence[Route]:
    """The routes with which a test reads and sets up an account."""
    return [
        _view("/_fake/profiles", lambda: account.store.profiles_shown()),
        _view("/_fake/events", lambda: account.store.events_shown()),
        _view("/_fake/counters", account.counters_shown),
        _view("/_fake/traffic", lambda: account.counters.shown()),
        _view("/_fake/error_stream", lambda: account.store.error_stream),
        _change("/_fake/knobs", account, _set_behaviour),
        _change("/_fake/faults", account, _add_faults),
        _change("/_fake/end_faults", account, _end_faults),
        _change("/_fake/reset", account, _reset),
    ]


def _view(path: str, view: Callable[[], object]) -> Route:
    async def show(_: Request) -> Response:
        return JSONResponse(view())

    return Route(path, show, methods=["GET"])


def _change(path: str, account: Account, change: Callable[[Account, bytes], object]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(change(account, await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)

    return Route(path, answer, methods=["POST"])


def _set_behaviour(account: Account, body: bytes) -> object:
    changes = Behaviour.model_validate_json(body).model_dump(exclude_unset=True)
    account.turn(Behaviour.model_validate(account.behaviour.model_dump() | changes))
    return account.behaviour.model_dump(mode="json")


def _add_faults(account: Account, body: bytes) -> object:
    faults = FAULTS.validate_json(body)
    account.faults.add(faults)
    return {"pending": len(account.faults.pending)}


def _end_faults(account: Account, _: bytes) -> object:
    account.faults = FaultPlan()
    return {"pending": 0}


def _reset(account: Account, _: bytes) -> object:
    account.reset()
    return {"status": "reset"}
