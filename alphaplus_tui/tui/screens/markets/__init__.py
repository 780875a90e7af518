"""The Markets screen."""
