"""Who can reach the server: said in the terminal where that is more than this machine."""

from __future__ import annotations

import ipaddress
import sys

import streamlit as st


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


@st.cache_resource(show_spinner=False)
def announce() -> str:
    """Print what the server's address opens, once; return the sentence."""
    sentence = opened(st.get_option("server.address"))
    if sentence:
        print(sentence, file=sys.stderr, flush=True)
    return sentence
