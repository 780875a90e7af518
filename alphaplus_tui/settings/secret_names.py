"""How secrets are called, in settings, on the command line and in the environment."""

import re
from typing import Annotated

from pydantic import AfterValidator

DATABASE_PASSWORD = "database.password"  # noqa: S105 - a name
_NAME = r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$"
_LONGEST = 64
_PREFIX = "ALPHAPLUS_SECRETS__"


def is_secret_name(name: str) -> bool:
    return len(name) <= _LONGEST and re.fullmatch(_NAME, name) is not None


def check_secret_name(name: str) -> str:
    """``name``, or a ValueError that says what a name is; it never repeats what may be the secret itself."""
    if not is_secret_name(name):
        raise ValueError(
            "must be the name of a secret, in lower case, such as 'telegram'; the secret itself does not belong here: "
            "`alphaplus secrets set NAME` keeps it"
        )
    return name


SecretName = Annotated[str, AfterValidator(check_secret_name)]


def variables(name: str) -> tuple[str, ...]:
    """The environment variables that may hold the secret ``name``, the first first."""
    usual = _PREFIX + name.upper().replace(".", "__").replace("-", "_")
    return ("ALPHAPLUS_DATABASE__PASSWORD", usual) if name == DATABASE_PASSWORD else (usual,)


def is_secret_variable(variable: str) -> bool:
    """Whether an environment variable holds a secret and no setting."""
    return variable.startswith(_PREFIX)
