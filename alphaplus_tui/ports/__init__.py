"""What AlphaPlus asks of the outside, as protocols; adapters keep them, services use them."""
