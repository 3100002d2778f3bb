import { UsageError } from '../../../model/errors.js';
import { didYouMean } from '../../../model/suggestion.js';
import type { HttpSender } from '../../../transport/http.js';
import { openDiscord, openNtfy, openSlack, openTelegram } from './chats.js';
import { openCommand, openEmail, openWebhook } from './others.js';
import type { OpenSink, Sink, SinkSettings } from './sink.js';

const KINDS: Readonly<Record<string, OpenSink>> = {
  telegram: openTelegram,
  webhook: openWebhook,
  ntfy: openNtfy,
  discord: openDiscord,
  slack: openSlack,
  email: openEmail,
  exec: openCommand,
};

const SINK_KINDS: readonly string[] = Object.keys(KINDS);

/** Opens a sink. Throws a `UsageError` that names the sink and what it lacks. */
export function openSink(settings: SinkSettings, http: HttpSender): Sink {
  const open = KINDS[settings.kind];
  if (!open)
    throw new UsageError(
      `notify sink ${settings.name}: expected kind to be one of ${SINK_KINDS.join(', ')}, was "${settings.kind}"${didYouMean(settings.kind, SINK_KINDS)}`,
    );
  return open(settings, http);
}
