"""The Signals screen."""
