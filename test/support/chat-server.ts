import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the server saw it. */
type Seen = {
  readonly at: number;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

/** How the server answers one request; `hang` never does. */
export type Answer =
  | { readonly status?: number; readonly body?: string; readonly headers?: Record<string, string> }
  | 'hang'
  | 'reset';

/** A server like those of chats: it keeps what it was sent and answers as a test says. */
export class ChatServer {
  readonly seen: Seen[] = [];
  /** Answers of the next requests; after them every one is accepted. */
  readonly answers: Answer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<ChatServer> {
    const server = createServer();
    const chat = new ChatServer(server);
    server.on('request', (request, response) => void chat.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return chat;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The texts of the messages that were accepted or not, in order. */
  get texts(): string[] {
    return this.seen.map(({ body }) => (JSON.parse(body) as { text: string }).text);
  }

  async until(count: number, patience = 10_000): Promise<void> {
    const deadline = Date.now() + patience;
    while (this.seen.length < count) {
      if (Date.now() > deadline) throw new Error(`${this.seen.length} of ${count} messages: ${JSON.stringify(this.seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string;
    this.seen.push({ at: Date.now(), path: request.url ?? '', headers: request.headers, body });
    const answer = this.answers.shift() ?? { status: 200, body: '{"ok":true,"result":{"message_id":1}}' };
    if (answer === 'hang') return;
    if (answer === 'reset') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body ?? '');
  }
}
