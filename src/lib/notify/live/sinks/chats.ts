import { titleOf } from '../../title.js';
import { type OpenSink, objectOf, post, reasonOf, required, safeUrl, throttled, verdictOf } from './sink.js';

const TELEGRAM = 'https://api.telegram.org';
/** Messages of a minute that a Telegram group takes. */
const PER_MINUTE = 20;

/**
 * Telegram: `sendMessage` as plain text, so that no character of a message can break it. The answer is JSON with `ok`; a 200
 * without it is a proxy that has answered, and nothing is delivered.
 */
export const openTelegram: OpenSink = (settings, http) => {
  const token = required(settings.secret, settings, 'secret');
  const chat = required(settings.chat, settings, 'chat');
  const base = safeUrl(settings.url ?? TELEGRAM, `notify sink ${settings.name}`, true).replace(/\/$/, '');
  return {
    name: settings.name,
    limit: 4_096,
    perMinute: PER_MINUTE,
    send: ({ text }) => {
      const body = JSON.stringify({ chat_id: chat, text, link_preview_options: { is_disabled: true } });
      return post(http, { url: `${base}/bot${token.reveal()}/sendMessage`, body }, (answer) => {
        const { status, body: bytes } = answer;
        const said = objectOf(bytes);
        if (status === 200 && said?.ok === true) return { kind: 'delivered' };
        const text = typeof said?.description === 'string' ? said.description : bytes;
        const pause = (said?.parameters as { retry_after?: unknown } | undefined)?.retry_after;
        if (typeof pause === 'number' && pause >= 0) return throttled(reasonOf(status, text), pause * 1_000);
        return status === 200 ? { kind: 'failed', reason: reasonOf(status, text) } : verdictOf(answer, text);
      });
    },
  };
};

/** ntfy: the text is JSON, so that the title may have any character; alarms ring. */
export const openNtfy: OpenSink = (settings, http) => {
  const topic = new URL(
    safeUrl(required(settings.url, settings, 'url'), `notify sink ${settings.name}`, settings.secret !== undefined),
  );
  const name = decodeURIComponent(topic.pathname.slice(1));
  const headers = settings.secret ? { authorization: `Bearer ${settings.secret.reveal()}` } : {};
  const priority = { routine: 3, warning: 4, alarm: 5 };
  const tags = { routine: [], warning: ['warning'], alarm: ['rotating_light'] };
  return {
    name: settings.name,
    // ntfy turns what is longer into an attachment.
    limit: 1_300,
    perMinute: PER_MINUTE,
    send: (message) => {
      const { text, severity } = message;
      const body = { topic: name, title: titleOf(message), message: text, priority: priority[severity], tags: tags[severity] };
      return post(http, { url: `${topic.origin}/`, body: JSON.stringify(body), headers });
    },
  };
};

/** Discord: the address of the webhook is its secret. Nobody is mentioned, whatever a message holds. */
export const openDiscord: OpenSink = (settings, http) => {
  const url = safeUrl(required(settings.secret, settings, 'secret').reveal(), `notify sink ${settings.name}: its secret`, true);
  return {
    name: settings.name,
    limit: 2_000,
    perMinute: PER_MINUTE,
    send: ({ text }) => {
      const body = JSON.stringify({ content: text, allowed_mentions: { parse: [] } });
      return post(http, { url, body }, ({ status, body: answer }) => {
        const pause = objectOf(answer)?.retry_after;
        if (status !== 429 || typeof pause !== 'number') return undefined;
        return throttled(reasonOf(status, answer), pause * 1_000);
      });
    },
  };
};

/** Slack and what is compatible with it (Mattermost, Rocket.Chat): the address of the webhook is its secret. */
export const openSlack: OpenSink = (settings, http) => {
  const url = safeUrl(required(settings.secret, settings, 'secret').reveal(), `notify sink ${settings.name}: its secret`, true);
  const escaped = { '&': '&amp;', '<': '&lt;', '>': '&gt;' } as const;
  return {
    name: settings.name,
    limit: 3_000,
    perMinute: PER_MINUTE,
    send: ({ text }) => {
      const safe = text.replaceAll(/[&<>]/g, (character) => escaped[character as keyof typeof escaped]);
      return post(http, { url, body: JSON.stringify({ text: safe }) });
    },
  };
};
