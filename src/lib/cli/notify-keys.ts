/** Settings of alerts that are not flags. */
export const NOTIFY_TABLE = 'notify';
/** One table per sink, by its name. */
export const SINK_TABLE = 'notify.sinks';
/** One table per symbol. */
export const NOTIFY_SYMBOL_TABLE = 'notify.symbols';

/** What a key means, and its default. */
type Notes = Readonly<Record<string, readonly [meaning: string, value?: string]>>;

export const NOTIFY_NOTES: Notes = {
  minimum: ['Minimum severity that is sent: routine, warning or alarm', 'routine'],
  quiet_hours: ['Hours in which only alarms are sent, such as 22:00-07:00, in the zone of --tz'],
  stalled: ['A run that gives no sign of life for this long is an alarm', '10m'],
  liquidation_distance: [
    'A liquidation nearer to the mark price than this is an alarm; default 10%, beyond leverage 5 half of 1/leverage',
  ],
  capture_silent: ['A capture that gets no data for this long is an alarm, one that gets a part of it a warning', '1m'],
  capture_behind: ['Data that arrives, or waits for an output, longer than this is an alarm', '10s'],
  clock_offset: ['A clock that differs more than this from that of an exchange is an alarm', '1s'],
  disk_free: ['Less free space than this where a capture writes is an alarm', '1GB'],
};
export const SINK_NOTES: Notes = {
  kind: ['telegram, webhook, ntfy, discord, slack, email or exec'],
  secret_file: ['File of mode 0600 with the token, the address of the webhook, the HMAC key or the address of the mail server'],
  chat: ['Telegram: id of the chat, or @channel'],
  url: ['webhook and ntfy: the address; telegram: another API server'],
  from: ['email: sender'],
  to: ['email: recipient'],
  command: ['exec: program and arguments; the text is on its stdin'],
  minimum: ['As above, for this sink'],
  quiet_hours: ['As above, for this sink'],
  runs: ['Only these runs'],
  symbols: ['Only these symbols'],
  kinds: ['Only these kinds of events'],
};
export const NOTIFY_SYMBOL_NOTES: Notes = {
  minimum: ['As above, for one symbol'],
  liquidation_distance: ['As above, for one symbol'],
};
