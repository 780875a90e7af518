-- What the user was called for, and whom it was told.

CREATE TABLE alerts (
    id            text        PRIMARY KEY,
    rule          text        NOT NULL,
    kind          text        NOT NULL,
    severity      text        NOT NULL,
    instrument_id integer     REFERENCES instruments (id),
    subject       text        NOT NULL,
    title         text        NOT NULL,
    text          text        NOT NULL,
    raised_at     timestamptz NOT NULL,
    resolved_at   timestamptz,
    quiet         boolean     NOT NULL,
    deliveries    jsonb       NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (raised_at);
COMMENT ON COLUMN alerts.deliveries IS 'for each channel: its name, the state, how many tries, why the last one failed';
