/*
 * Takes the webhooks of `mdtool notify` and writes their records to Kafka, by the REST proxy that Kafka has (Confluent REST Proxy,
 * Redpanda, Karapace). It needs nothing but Node:
 *
 *   PROXY=http://localhost:8082 TOPIC=alerts SECRET=change-me node examples/kafka-bridge.js
 *
 * mdtool.toml:   [notify.sinks.kafka]
 *                kind = "webhook"
 *                url = "http://127.0.0.1:8090/"
 * environment:   MDTOOL_NOTIFY_KAFKA_SECRET=change-me
 *
 * It answers 204 when the proxy has taken every record, and else 502: mdtool then sends the same message again. A consumer gets
 * each message at least once, with the same `id` as its key.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { PROXY = 'http://localhost:8082', TOPIC = 'alerts', SECRET = '', PORT = '8090' } = process.env;
const LARGEST = 1_000_000;

/** Returns whether the body is from the holder of the secret. */
function isSigned(body, signature = '') {
  const expected = Buffer.from(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`);
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Returns one row for the message and one for each record behind it; the key keeps those of a message in one partition, in order. */
function rowsOf({ records, ...message }) {
  return [message, ...records].map((value) => ({ key: message.id, value }));
}

async function produce(rows) {
  const answer = await fetch(`${PROXY}/topics/${encodeURIComponent(TOPIC)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.json.v2+json', accept: 'application/vnd.kafka.v2+json' },
    body: JSON.stringify({ records: rows }),
    signal: AbortSignal.timeout(8_000),
  });
  const { offsets = [] } = await answer.json();
  // The proxy answers 200 also where single records failed.
  if (!answer.ok || offsets.length < rows.length || offsets.some(({ error_code: code }) => code))
    throw new Error(`the proxy answered ${answer.status}`);
}

async function take(request) {
  if (request.method !== 'POST') return 405;
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (SECRET !== '' && !isSigned(body, request.headers['x-mdtool-signature'])) return 403;
  try {
    await produce(rowsOf(JSON.parse(body.toString())));
    return 204;
  } catch (error) {
    console.error(error.message);
    return 502;
  }
}

const server = createServer((request, response) => {
  take(request).then(
    (status) => response.writeHead(status).end(),
    () => response.destroy(),
  );
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${server.address().port}, to ${TOPIC} by ${PROXY}`));
