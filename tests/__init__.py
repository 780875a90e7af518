"""The tests: unit, contracts, integration, tui, e2e, architecture, bench, fakes."""
