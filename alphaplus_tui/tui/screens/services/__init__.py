"""The Services screen."""
