-- What grows with time, partitioned by it; the partitions themselves are made when rows for them come.

CREATE TABLE trades (
    ts            timestamptz      NOT NULL,
    seq           bigint           NOT NULL,
    price         double precision NOT NULL,
    quantity      double precision NOT NULL,
    ts_recv       timestamptz      NOT NULL,
    instrument_id integer          NOT NULL,
    sub_ms_ns     integer          NOT NULL,
    side          side             NOT NULL,
    provenance    provenance       NOT NULL,
    trade_id      text             NOT NULL,
    UNIQUE (instrument_id, ts, trade_id)
) PARTITION BY RANGE (ts);
COMMENT ON TABLE trades IS 'one index for all: a second would halve the rate of writing; seq is sorted within a ts';
COMMENT ON COLUMN trades.ts IS 'the exchange''s time in whole milliseconds';
COMMENT ON COLUMN trades.sub_ms_ns IS 'nanoseconds after ts, where the exchange is that exact';
COMMENT ON COLUMN trades.seq IS 'the exchange''s number, else the order of arrival: orders trades of one time';

CREATE TABLE candles (
    open_time     timestamptz      NOT NULL,
    open          double precision NOT NULL,
    high          double precision NOT NULL,
    low           double precision NOT NULL,
    close         double precision NOT NULL,
    volume        double precision NOT NULL,
    buy_volume    double precision,
    trades        bigint,
    instrument_id integer          NOT NULL,
    revision      integer          NOT NULL,
    provenance    provenance       NOT NULL,
    complete      boolean          NOT NULL,
    timeframe     text             NOT NULL,
    PRIMARY KEY (instrument_id, timeframe, open_time)
) PARTITION BY RANGE (open_time);

CREATE TABLE order_book_snapshots (
    ts             timestamptz        NOT NULL,
    ts_recv        timestamptz        NOT NULL,
    sequence       bigint             NOT NULL,
    instrument_id  integer            NOT NULL,
    bid_prices     double precision[] NOT NULL,
    bid_quantities double precision[] NOT NULL,
    ask_prices     double precision[] NOT NULL,
    ask_quantities double precision[] NOT NULL,
    PRIMARY KEY (instrument_id, ts, sequence)
) PARTITION BY RANGE (ts);
