import { liveSource, type RestSource } from '../../instruments/instruments.js';
import type { HttpClient } from '../../transport/http.js';
import type { Venue } from './connection-pool.js';
import type { Wire } from './wire.js';

/** Returns the exchange's lists; what it answers also goes to the tape, so that a recording holds its instruments. */
export function tappedSource({ exchange, restOrigin }: Venue, client: HttpClient, wire: Wire): RestSource {
  const source = liveSource(client, restOrigin, () => Date.now() * 1000);
  return {
    live: true,
    async answer(request) {
      const answer = await source.answer(request);
      const url = new URL(request.path, restOrigin);
      url.search = new URLSearchParams(request.query).toString();
      if (answer) wire.answer(exchange, url.href, 200, answer.body);
      return answer;
    },
  };
}
