-- What is covered as a map by time: stretches that are stored whole, and gaps with their reason.

ALTER TABLE coverage RENAME TO coverage_gaps;
ALTER INDEX coverage_pkey RENAME TO coverage_gaps_pkey;
ALTER INDEX coverage_open RENAME TO coverage_gaps_open;

ALTER TABLE instruments ADD COLUMN numbered boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN instruments.numbered IS 'whether its trades are numbered one by one';

-- the newest stretch of each series grows with every batch: room on the page, and no index on what changes then
CREATE TABLE coverage (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id integer     NOT NULL REFERENCES instruments (id),
    kind          text        NOT NULL,
    timeframe     text        NOT NULL,
    state         text        NOT NULL,
    start_at      timestamptz NOT NULL,
    end_at        timestamptz NOT NULL,
    first_seq     bigint      NOT NULL,
    last_seq      bigint      NOT NULL,
    missing       bigint      NOT NULL DEFAULT 0,
    reason        text        NOT NULL DEFAULT '',
    noticed_at    timestamptz,
    changed_at    timestamptz
) WITH (fillfactor = 60);
CREATE INDEX coverage_series ON coverage (instrument_id, kind, timeframe, first_seq);
CREATE UNIQUE INDEX coverage_gap ON coverage (instrument_id, kind, timeframe, first_seq, start_at) WHERE state = 'gap';
COMMENT ON TABLE coverage IS 'written in the transaction that stores the rows it speaks of';
COMMENT ON COLUMN coverage.state IS 'how the stretch came (live, backfilled, imported, replayed), or gap';
COMMENT ON COLUMN coverage.first_seq IS 'of trades; candles are counted from 1970 on in lengths of their timeframe';
COMMENT ON COLUMN coverage.missing IS 'of a gap: how many trades or candles are not there';

INSERT INTO coverage (
    instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq, missing, reason, noticed_at, changed_at
)
SELECT instrument_id, kind, '', 'gap', noticed_at, noticed_at, first_seq, last_seq, missing, reason, noticed_at, changed_at
FROM coverage_gaps WHERE missing > 0
ON CONFLICT DO NOTHING;

DROP TABLE coverage_gaps;

-- candles that were stored before: stretches of complete ones of one origin
WITH lengths (timeframe, length) AS (
    VALUES ('1s', 1), ('1m', 60), ('3m', 180), ('5m', 300), ('15m', 900), ('30m', 1800), ('1h', 3600), ('2h', 7200),
           ('4h', 14400), ('6h', 21600), ('8h', 28800), ('12h', 43200), ('1d', 86400), ('3d', 259200), ('1w', 604800)
), numbered AS (
    SELECT instrument_id, timeframe, open_time, length,
           CASE WHEN provenance::text IN ('flat', 'resampled') THEN 'live' ELSE provenance::text END AS state,
           (extract(epoch FROM open_time)::bigint + CASE WHEN timeframe = '1w' THEN 259200 ELSE 0 END) / length AS number
    FROM candles JOIN lengths USING (timeframe) WHERE complete
), grouped AS (
    SELECT *, number - row_number() OVER (PARTITION BY instrument_id, timeframe, state ORDER BY number) AS stretch
    FROM numbered
)
INSERT INTO coverage (instrument_id, kind, timeframe, state, start_at, end_at, first_seq, last_seq)
SELECT instrument_id, 'candles', timeframe, state, min(open_time), max(open_time) + min(length) * interval '1 second',
       min(number), max(number)
FROM grouped GROUP BY instrument_id, timeframe, state, stretch;
