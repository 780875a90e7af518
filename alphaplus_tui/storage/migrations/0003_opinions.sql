-- What models said, what the gates decided, what became of it; the models themselves, trainings, headlines.

CREATE TABLE decisions (
    id                 text             PRIMARY KEY,
    instrument_id      integer          NOT NULL REFERENCES instruments (id),
    timeframe          text             NOT NULL,
    open_time          timestamptz      NOT NULL,
    close_time         timestamptz      NOT NULL,
    candle_revision    integer          NOT NULL,
    role               text             NOT NULL,
    model              text             NOT NULL,
    p_down             double precision,
    p_none             double precision,
    p_up               double precision,
    engines            jsonb            NOT NULL,
    features           real[]           NOT NULL,
    absent             text[]           NOT NULL,
    out_of_range       text[]           NOT NULL,
    distance           double precision NOT NULL,
    entry              double precision NOT NULL,
    decided_at         timestamptz      NOT NULL,
    direction          text             NOT NULL,
    gate               text             NOT NULL,
    reason             text             NOT NULL,
    passed             text[]           NOT NULL,
    lean               text             NOT NULL,
    expected_value_bps double precision,
    agreement          double precision,
    spread_bps         double precision NOT NULL,
    target             double precision,
    stop               double precision,
    expires_at         timestamptz      NOT NULL,
    as_of              boolean          NOT NULL
);
CREATE INDEX decisions_of_instrument ON decisions (instrument_id, close_time);
CREATE INDEX decisions_by_time ON decisions (decided_at);
CREATE INDEX decisions_by_close ON decisions (close_time);
COMMENT ON COLUMN decisions.features IS 'the row as it was served, in the order of the model''s features; nan: absent';
COMMENT ON COLUMN decisions.gate IS 'the gate that held back; empty when none did';

CREATE VIEW predictions AS
SELECT id, instrument_id, timeframe, open_time, close_time, candle_revision, model, p_down, p_none, p_up, engines,
       features, absent, out_of_range, distance, entry
FROM decisions;
COMMENT ON VIEW predictions IS 'each is judged exactly once, so that it is stored with its decision';

CREATE TABLE signals_made (
    id                 text             PRIMARY KEY,
    instrument_id      integer          NOT NULL REFERENCES instruments (id),
    timeframe          text             NOT NULL,
    model              text             NOT NULL,
    direction          text             NOT NULL,
    p_down             double precision NOT NULL,
    p_none             double precision NOT NULL,
    p_up               double precision NOT NULL,
    expected_value_bps double precision NOT NULL,
    entry              double precision NOT NULL,
    target             double precision NOT NULL,
    stop               double precision NOT NULL,
    made_at            timestamptz      NOT NULL,
    expires_at         timestamptz      NOT NULL,
    moved_by           jsonb            NOT NULL
);
CREATE INDEX signals_by_time ON signals_made (made_at);
CREATE INDEX signals_of_instrument ON signals_made (instrument_id, made_at);

CREATE TABLE outcomes (
    id          text             PRIMARY KEY,
    result      text             NOT NULL,
    resolved_at timestamptz      NOT NULL,
    exit_price  double precision NOT NULL,
    result_bps  double precision NOT NULL,
    touched     text             NOT NULL,
    brier       double precision NOT NULL
);
CREATE INDEX outcomes_by_time ON outcomes (resolved_at);
COMMENT ON COLUMN outcomes.id IS 'the decision''s, of whatever role; an outcome can come before its decision is back from the spool';

CREATE VIEW signals AS
SELECT made.*, result, resolved_at, exit_price, result_bps, touched, brier
FROM signals_made AS made LEFT JOIN outcomes USING (id);

CREATE TABLE models (
    id            text        PRIMARY KEY,
    stage         text        NOT NULL,
    pinned        boolean     NOT NULL,
    added_at      timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    reason        text        NOT NULL,
    timeframe     text        NOT NULL,
    instruments   text[]      NOT NULL,
    engines       text[]      NOT NULL,
    edge          boolean     NOT NULL,
    verdict       text        NOT NULL,
    metrics       jsonb       NOT NULL,
    trained_from  timestamptz NOT NULL,
    trained_until timestamptz NOT NULL,
    rows          bigint      NOT NULL,
    origin        text        NOT NULL,
    trouble       text        NOT NULL
);
COMMENT ON TABLE models IS 'a mirror of the registry in the data folder, which is the truth';

CREATE TABLE training_runs (
    id          text        PRIMARY KEY,
    state       text        NOT NULL,
    asked_by    text        NOT NULL,
    timeframe   text        NOT NULL,
    instruments text[]      NOT NULL,
    engines     text[]      NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    model       text        NOT NULL,
    verdict     text        NOT NULL,
    reason      text        NOT NULL
);

CREATE TABLE sentiment (
    id           text             PRIMARY KEY,
    source       text             NOT NULL,
    title        text             NOT NULL,
    url          text             NOT NULL,
    published_at timestamptz      NOT NULL,
    seen_at      timestamptz      NOT NULL,
    score        double precision NOT NULL,
    symbols      text[]           NOT NULL
);
CREATE INDEX sentiment_by_time ON sentiment (published_at);
