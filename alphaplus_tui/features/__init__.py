"""Pure maths on candles: what models are fed with, and the barriers that they predict."""
