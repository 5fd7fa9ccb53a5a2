import { z } from 'zod';
import { readEnvironment } from '../config/env.ts';
import { quoted } from '../config/words.ts';
import { errorText, UserError } from '../errors.ts';
import type { Option, Terminal } from './command.ts';

/** Commands that ask a running node do so over its HTTP API, as `HTTP_LISTEN` and `API_TOKEN` say. */

export const pbxOption: Option = { type: 'string', value: '<id>', help: 'the PBX (default: the only one)' };
export const jsonOption: Option = { type: 'boolean', help: "print the API's answer as JSON" };

export type Row = Readonly<Record<string, unknown>>;

const rows = z.array(z.record(z.string(), z.unknown()));
/** Lists come bare, or as a page. */
const list = z.union([rows, z.object({ items: rows }).transform(({ items }) => items)]);

const page = z.object({ items: rows, next: z.string().nullable() });

const failure = z.object({ message: z.string(), hint: z.string().optional() });

/** How long a node may take to answer. */
const timeoutMs = 10_000;

export class Api {
  readonly #base: string;
  readonly #token: string | undefined;

  constructor(terminal: Terminal) {
    const { httpListen, apiToken } = readEnvironment(terminal.env);
    // A node that listens on all addresses is asked on the loopback one.
    const host = httpListen.host === '0.0.0.0' ? '127.0.0.1' : httpListen.host === '::' ? '::1' : httpListen.host;
    this.#base = `http://${host.includes(':') ? `[${host}]` : host}:${httpListen.port}`;
    this.#token = apiToken?.reveal();
  }

  /** @throws UserError `no-node`, `api-refused`, `api-failed` */
  async get(path: string): Promise<unknown> {
    return this.#read(path, await this.#fetch(path));
  }

  /** As `get`; undefined: there is no such thing. */
  async find(path: string): Promise<unknown> {
    const response = await this.#fetch(path);
    return response.status === 404 ? undefined : this.#read(path, response);
  }

  /** The items of all pages, one after the other. @param path with a query */
  async *pages(path: string): AsyncGenerator<Row> {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const here: string = cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
      const answer = page.safeParse(await this.get(here));
      if (!answer.success) throw this.#otherThan(here, 'a page of a list');
      yield* answer.data.items;
      cursor = answer.data.next;
    }
  }

  /** As `get`, of lists. */
  async list(path: string): Promise<readonly Row[]> {
    const answer = list.safeParse(await this.get(path));
    if (answer.success) return answer.data;
    throw this.#otherThan(path, 'a list');
  }

  /** The PBX that was asked for, or the only one. */
  async pbx(asked: string | undefined): Promise<string> {
    if (asked !== undefined) return asked;
    const ids = (await this.list('/api/pbxs')).map(({ id }) => String(id));
    const [only, ...others] = ids;
    if (only !== undefined && others.length === 0) return only;
    throw new UserError(
      'which-pbx',
      ids.length === 0 ? 'The node has no PBX' : `There are several PBXs: ${quoted(ids, 'and')}`,
      'Say which one: --pbx <id>',
    );
  }

  async #read(path: string, response: Response): Promise<unknown> {
    if (response.status === 401 || response.status === 403) {
      throw new UserError(
        'api-refused',
        `${this.#base} refused the request (${response.status})`,
        'Set API_TOKEN to the token that the node was started with.',
      );
    }
    if (!response.ok) throw await failed(response, this.#base + path);
    try {
      return await response.json();
    } catch {
      throw this.#otherThan(path, 'JSON');
    }
  }

  #otherThan(path: string, wanted: string): UserError {
    return new UserError(
      'api-failed',
      `${this.#base}${path} answered with something else than ${wanted}`,
      "Is this port really a node's?",
    );
  }

  async #fetch(path: string): Promise<Response> {
    const headers = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    try {
      return await fetch(this.#base + path, { headers, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw new UserError(
        'no-node',
        `No node answers at ${this.#base}: ${errorText(cause)}`,
        'Start one with "kommutator start", or set HTTP_LISTEN.',
      );
    }
  }
}

/** What the node says is wrong, in its own words where it has some. */
async function failed(response: Response, url: string): Promise<UserError> {
  const said = failure.safeParse(await response.json().catch(() => undefined));
  if (said.success) return new UserError('api-failed', said.data.message, said.data.hint);
  return new UserError('api-failed', `${url} answered ${response.status} ${response.statusText}`);
}
