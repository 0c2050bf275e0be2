"""Who can reach the server and what they may do: said before it starts, and by every page where that is refused."""

from __future__ import annotations

import functools
import ipaddress
import os
import sys
from collections.abc import Sequence

from trainer.system import mode


def is_own(address: str | None) -> bool:
    """Return whether only this machine reaches an address that a server listens on."""
    try:
        return address is not None and ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address is not None and (address == "localhost" or address.endswith((".localhost", ".sock")))


def opened(address: str | None) -> str:
    """Return what listening on an address opens, as one sentence; empty for this machine's own addresses."""
    if is_own(address):
        return ""
    place = address or "all addresses"
    who = f"This server listens on {place}: anyone who can reach this machine may, without a password,"
    if mode.is_view():
        return f"{who} see its models and try their own pictures on them; nothing else is offered (GWAE_MODE=view)."
    return (
        f"{who} see and download all models and own pictures, upload files, and start, stop and delete trainings; "
        "GWAE_MODE=view lets them only look, and without --server.address only this machine reaches it. Browsers are "
        "let in by the names in --server.allowedHosts only."
    )


def refused(address: str | None) -> str:
    """Return why a server does not open at an address as it was started, and what to do; empty where it does."""
    if mode.chosen() and mode.chosen() not in mode.MODES:
        return f"GWAE_MODE={mode.chosen()[:40]} is no mode; set view (visitors look) or local (they may do everything)."
    if is_own(address) or mode.chosen():
        return ""
    return (
        f"The address {address or 'of all networks'} is open to others, and nothing says what they may do: set "
        "GWAE_MODE=view (look at models) or GWAE_MODE=local (also train, upload and delete), or leave out "
        "--server.address; docs/deploy.md has the whole set-up."
    )


@functools.cache
def announce() -> str:
    """Print what the server's address opens, or why it is refused, once a process; return the latter, usually empty."""
    import streamlit as st
    from streamlit import runtime

    if type(runtime.get_instance()) is not runtime.Runtime:
        return ""  # a test without a server, whose stand-in claims to be an instance
    address = st.get_option("server.address")
    sentence = refused(address) or opened(address)
    if sentence:
        print(sentence, file=sys.stderr, flush=True)
    return refused(address)


def asked(arguments: Sequence[str]) -> str:
    """Return the address that the options of `streamlit run`, or its environment, name; else this machine's."""
    found = os.environ.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument.partition("=")[0] == "--server.address":
            found = argument.partition("=")[2] or following
    return found


def check(arguments: Sequence[str]) -> int:
    """Print what the options of `streamlit run` open; return 2 where that is refused, else 0."""
    address = asked(arguments)
    if sentence := refused(address) or opened(address):
        print(sentence, file=sys.stderr, flush=True)
    return 2 if refused(address) else 0


if __name__ == "__main__":  # before `streamlit run`, which runs nothing of the app until the first session
    sys.exit(check(sys.argv[1:]))
