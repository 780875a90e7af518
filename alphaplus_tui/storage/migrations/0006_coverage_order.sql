-- The map is asked for from its newest stretches, or page by page in its own order; neither column grows with a stretch.

CREATE INDEX coverage_newest ON coverage (start_at);
CREATE INDEX coverage_place ON coverage (instrument_id, timeframe, start_at, first_seq);
