import { EXCHANGES } from '../../lib/exchanges/index.js';

/** What the file is made from. */
export type Answers = {
  readonly store: string;
  /** Identifiers; empty for all. */
  readonly exchanges: readonly string[];
  /** Symbols; empty for the whole universe. */
  readonly symbols: readonly string[];
};

const ALERTS = `# Alerts: docs/notify.md has all kinds of sinks. The token is in a file of your own, or in MDTOOL_NOTIFY_PHONE_SECRET.
# [notify.sinks.phone]
# kind = "telegram"
# chat = "123456789"
# secret_file = "telegram-token"`;

/**
 * Returns a configuration file: what was answered, and as comments the settings that people change most, with their
 * defaults. Every commented line is valid once its `#` is removed.
 */
export function configurationText({ store, exchanges, symbols }: Answers): string {
  const chosen = [
    `store = ${JSON.stringify(store)}`,
    exchanges.length > 0
      ? `exchange = ${JSON.stringify(exchanges.join(','))}`
      : `# exchange = "${EXCHANGES.map(({ id }) => id).join(',')}"`,
    symbols.length > 0 ? `symbols = ${JSON.stringify(symbols.join(','))}` : '# symbols = "BTCUSDT,ETHUSDT"',
  ];
  return `# Settings of mdtool. A flag counts before an environment variable (MDTOOL_STORE), a variable before this file.
# docs/settings.md lists every key; mdtool doctor shows which values are in effect, and where each comes from.

# Shared by every step.
${chosen.join('\n')}
# market = "linear"
# quiet = true
# log_format = "json"

[stream]
# channels = "trade,ticker,book_delta,mark_price,open_interest,funding,liquidation"
# poll = "1m"

[candles]
# interval = "1s,1m"

[features]
# window = "1h"

[signals]
# follow = true

[backtest]
# deposit = 1000
# leverage = 3

[compact]
# keep = "365d,book_delta=7d,book_snapshot=7d"

${ALERTS}

# Other hosts of an exchange: regional, a proxy, or a local exchange to try things on.
[endpoints]
# bybit_rest_url = "https://api.bytick.com"
# bybit_ws_url = "wss://stream.bytick.com"
`;
}
