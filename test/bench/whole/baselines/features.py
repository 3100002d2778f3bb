# The features of one symbol-day in pandas, from flat CSV (books as best prices and 15 amounts a side): features.py FOLDER OUT
# OUT: thirteen columns of doubles one after another, a value for each second of the books, NaN where there is none.
import atexit
import json
import os
import resource
import sys

import numpy as np
import pandas as pd

folder, out = sys.argv[1:]


@atexit.register
def meter():
    """Writes what the run took, as meter.mjs does for Node."""
    if "BENCH_METER" in os.environ:
        used = resource.getrusage(resource.RUSAGE_SELF)
        with open(f"{os.environ['BENCH_METER']}/{os.getpid()}.json", "w") as file:
            json.dump({"cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1024}, file)


read = lambda name, columns: pd.read_csv(f"{folder}/day-{name}.csv", usecols=["timestamp", *columns])
seconds_of = lambda frame: frame.timestamp.to_numpy() // 1_000_000 + 1

trade = read("trade", ["price", "amount", "side"])
trade["second"] = seconds_of(trade)
trade["signed"] = np.where(trade.side == "buy", trade.amount, -trade.amount)
levels = {side: [f"{side}_{level}" for level in range(15)] for side in ["bids", "asks"]}
book = read("book_snapshot", ["bids_price", *levels["bids"], "asks_price", *levels["asks"]])
for side, names in levels.items():
    book[f"{side}_sum"] = book[names].sum(axis=1)
    book[f"{side}_amount"] = book[f"{side}_0"]
book = book.drop(columns=[*levels["bids"], *levels["asks"]])
first, last = seconds_of(book)[[0, -1]]
index = pd.RangeIndex(first, last + 1)

by_second = trade.groupby("second")
delta = by_second.signed.sum().reindex(index, fill_value=0.0)
traded = by_second.size().reindex(index, fill_value=0)
close = by_second.price.last().reindex(index).ffill()
high, low = by_second.price.max().reindex(index), by_second.price.min().reindex(index)

# The order flow of each book against the one before it, summed within a second.
bid_change, ask_change = book.bids_price.diff(), book.asks_price.diff()
flow = np.where(bid_change >= 0, book.bids_amount, 0) - np.where(bid_change <= 0, book.bids_amount.shift(), 0)
flow -= np.where(ask_change <= 0, book.asks_amount, 0) - np.where(ask_change >= 0, book.asks_amount.shift(), 0)
book["flow"] = np.where(np.arange(len(book)) == 0, np.nan, flow)
book["second"] = seconds_of(book)
books = book.groupby("second")
quotes = books.last().reindex(index).ffill(limit=9)
flows = books.flow.sum(min_count=1).reindex(index, fill_value=0.0)


def carried(name, column, seconds):
    frame = read(name, column)
    frame["second"] = seconds_of(frame)
    return frame.groupby("second")[column].last().reindex(index).ffill(limit=seconds)


mark = carried("mark_price", ["mark", "index"], 59)
interest = carried("open_interest", ["amount"], 119).amount
funding = carried("funding", ["rate"], 119).rate


def distance(series, window):
    rolling = series.rolling(window)
    return (series - rolling.mean()) / rolling.std()


bid, ask = quotes.bids_price, quotes.asks_price
mid = (bid + ask) / 2
microprice = (ask * quotes.bids_amount + bid * quotes.asks_amount) / (quotes.bids_amount + quotes.asks_amount)
imbalance = (quotes.bids_sum - quotes.asks_sum) / (quotes.bids_sum + quotes.asks_sum)
bars = pd.DataFrame({"high": high, "low": low, "close": close})
bars = bars.groupby((index - 1) // 900).agg({"high": "max", "low": "min", "close": "last"})
before = bars.close.shift()
ranges = np.maximum(bars.high, before.fillna(bars.high)) - np.minimum(bars.low, before.fillna(bars.low))
average = pd.Series(np.nan, bars.index)
average.iloc[13] = ranges.iloc[:14].mean()
for i in range(14, len(bars)):
    average.iloc[i] = (average.iloc[i - 1] * 13 + ranges.iloc[i]) / 14
# A bar counts from the second that ends it.
atr = average.reindex(index // 900 - 1)
atr.index = index

columns = [
    distance(delta, 300).where((traded > 0).rolling(300).sum() >= 60),
    delta.cumsum(),
    imbalance.diff(60),
    flows.rolling(60).sum(),
    (microprice - mid) / mid * 10_000,
    distance((mark.mark - close) / close, 3600),
    distance(interest.diff(60), 3600),
    atr,
    atr / close * 100,
    np.sqrt((np.log(close / close.shift()) ** 2).rolling(900).sum() * 31_536_000 / 900),
    (mark.mark - mark["index"]) / mark["index"] * 10_000,
    funding,
    (ask - bid) / mid * 10_000,
]
np.concatenate([column.to_numpy(dtype="float64") for column in columns]).tofile(out)
