import { Inbox } from './wait.ts';

export interface SeenEvent {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into
  readonly data: any;
  /** `lastEventId` after it. */
  readonly id: string;
}

/** A reader of server-sent events as the HTML Living Standard §9.2.6 says, but for what our stream never sends (CR, lines without a colon). */
export class EventClient {
  readonly events: Inbox<SeenEvent>;
  readonly comments: string[] = [];
  /** What a browser would send as Last-Event-ID. */
  lastEventId: string;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController, lastEventId: string) {
    this.#abort = abort;
    this.lastEventId = lastEventId;
    this.events = new Inbox('event stream');
    this.closed = this.#read(response).catch(() => undefined);
  }

  static async open(url: string, options: { lastEventId?: string; token?: string } = {}): Promise<EventClient> {
    const abort = new AbortController();
    const { lastEventId = '', token } = options;
    const response = await fetch(url, {
      signal: abort.signal,
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventClient(response, abort, lastEventId);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.closed;
  }

  /** Events with these names, in order. */
  named(...names: string[]): SeenEvent[] {
    return this.events.items.filter(({ event }) => names.includes(event));
  }

  /** Waits until the stream has told of so many. */
  async count(name: string, count: number): Promise<SeenEvent[]> {
    await this.events.find(`${count} of "${name}"`, () => this.named(name).length >= count);
    return this.named(name);
  }

  async #read(response: Response): Promise<void> {
    if (!response.body) return;
    let text = '';
    let [event, data, id] = ['message', '', this.lastEventId];
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
        if (line === '') {
          this.lastEventId = id;
          if (data !== '') this.events.push({ event, data: JSON.parse(data), id });
          [event, data] = ['message', ''];
        } else if (line.startsWith(':')) this.comments.push(line.slice(1).trim());
        else if (field === 'event') event = value;
        else if (field === 'data') data += value;
        else if (field === 'id') id = value;
      }
    }
  }
}
