"""The builder: the only room that knows services and adapters together."""
