"""The section of the HTTP API: whether it is served, where, and to whom."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from alphaplus_tui.settings.addresses import is_loopback
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,252})")


def _check_host(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise ValueError("must be a name or an address, without a port, such as 127.0.0.1 or prices.lan") from None
    return host


Host = Annotated[str, AfterValidator(_check_host)]


def _when(value: object) -> object:
    known = {"true": True, "false": False, "headless": "headless"}
    said = value.lower() if isinstance(value, str) else value
    if isinstance(said, str) and said in known:
        return known[said]
    if isinstance(said, bool):
        return said
    raise ValueError('must be true, false or "headless"')


class ApiSettings(Section):
    """What other programs may ask over HTTP."""

    enabled: Annotated[bool | Literal["headless"], BeforeValidator(_when)] = "headless"
    """``headless``: where there is no console; true: always; false: never."""
    host: Host = "127.0.0.1"
    """The address that is listened on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8710
    """0 picks a free one."""
    allowed_hosts: Annotated[tuple[Host, ...], split_commas, AfterValidator(refuse_twins)] = ()
    """Names under which it may be asked, beside this machine's own and ``host``."""
    allow_remote: bool = False
    """Whether ``host`` may be an address that other machines reach."""

    @model_validator(mode="after")
    def _stay_at_home(self) -> Self:
        if not is_loopback(self.host) and not self.allow_remote:
            raise ValueError(
                f"host {self.host!r} can be reached by other machines: set api.allow_remote = true as well, "
                "or listen on 127.0.0.1"
            )
        return self

    def serves(self, *, headless: bool) -> bool:
        return headless if self.enabled == "headless" else self.enabled
