"""What adapters of any exchange need: connections, REST, budgets, the way to the reader."""
