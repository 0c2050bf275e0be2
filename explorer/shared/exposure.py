"""Who can reach the server: said in the terminal where that is more than this machine."""

from __future__ import annotations

import functools
import ipaddress
import os
import sys
from collections.abc import Sequence


def opened(address: str | None) -> str:
    """Return what listening on an address opens, as one sentence; empty for this machine's own addresses."""
    try:
        own = address is not None and ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        own = address is not None and (address == "localhost" or address.endswith((".localhost", ".sock")))
    if own:
        return ""
    return (
        f"This server listens on {address or 'all addresses'}: anyone who can reach this machine may, without a "
        "password, see and download all models and own pictures, upload files, and start, stop and delete trainings; "
        "leave out --server.address to keep it to this machine. Browsers are let in by the names in "
        "--server.allowedHosts only."
    )


@functools.cache
def announce() -> str:
    """Print what the server's address opens, once a process; return the sentence."""
    import streamlit as st

    sentence = opened(st.get_option("server.address"))
    if sentence:
        print(sentence, file=sys.stderr, flush=True)
    return sentence


def asked(arguments: Sequence[str]) -> str:
    """Return the address that the options of `streamlit run`, or its environment, name; else this machine's."""
    found = os.environ.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument.partition("=")[0] == "--server.address":
            found = argument.partition("=")[2] or following
    return found


if __name__ == "__main__":  # before `streamlit run`, which runs nothing of the app until the first session
    if said := opened(asked(sys.argv[1:])):
        print(said, file=sys.stderr, flush=True)
