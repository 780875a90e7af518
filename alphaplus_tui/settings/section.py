"""What all sections of the settings share: frozen, no unknown keys, lists that an environment variable can hold."""

from typing import get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """One table of the configuration file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        allowed = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and allowed is not bool and bool not in get_args(allowed):
            raise PydanticCustomError("true_or_false", "must not be true or false")
        return value


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


split_commas = BeforeValidator(_split)
"""Makes a list of ``a, b``, which is what an environment variable can hold."""


def refuse_twins(values: tuple[str, ...]) -> tuple[str, ...]:
    """``values`` when nothing in it stands there twice."""
    twins = sorted({value for value in values if values.count(value) > 1})
    if twins:
        raise ValueError(f"{', '.join(twins)} stands there more than once")
    return values
