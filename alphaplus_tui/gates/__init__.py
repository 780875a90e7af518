"""What turns a prediction into a decision: expected value, and the gates in order."""
