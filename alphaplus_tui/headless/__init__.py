"""AlphaPlus without a console: a ready line, a summary, and the same services between them."""
