import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './process.ts';
import { temporaryFolder } from './temp.ts';
import { Inbox } from './wait.ts';

/** Debian's, or `CHROMIUM_BINARY`. Undefined: there is none. */
export const chromiumBinary: string | undefined = [
  process.env.CHROMIUM_BINARY ?? '',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

/** A message of the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/), as far as it is used here. */
interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** A real browser without a window, whose microphone plays a file again and again. */
export class Chromium implements AsyncDisposable {
  readonly #program: Program;
  readonly #socket: WebSocket;
  readonly #parts: AsyncDisposableStack;
  readonly #pending = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  readonly #pages = new Map<string, Page>();
  #last = 0;

  private constructor(program: Program, socket: WebSocket, parts: AsyncDisposableStack) {
    this.#program = program;
    this.#socket = socket;
    this.#parts = parts;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error(`Chromium is gone:\n${program.text}`));
    });
  }

  /** @param microphone a WAV file */
  static async start(binary: string, microphone: string): Promise<Chromium> {
    await using parts = new AsyncDisposableStack();
    const folder = parts.use(await temporaryFolder('chromium'));
    const program = parts.use(
      await Program.start(binary, [
        ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
        ...['--remote-debugging-port=0', `--user-data-dir=${join(folder.path, 'profile')}`, '--no-proxy-server'],
        ...['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
        ...[`--use-file-for-fake-audio-capture=${microphone}`, '--autoplay-policy=no-user-gesture-required'],
        // Everything is on this machine, whose own address browsers do not offer otherwise.
        '--allow-loopback-in-peer-connection',
        'about:blank',
      ]),
    );
    const listening = /DevTools listening on (ws:\S+)/;
    const { item } = await program.lines.find(
      'its address',
      (line) => listening.test(line) || line.startsWith('(exited'),
    );
    const address = listening.exec(item)?.[1];
    if (!address) throw new Error(`Chromium did not start:\n${program.text}`);
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', reject, { once: true });
    });
    parts.defer(() => socket.close());
    return new Chromium(program, socket, parts.move());
  }

  /** A page of its own, loaded. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    this.#pages.set(String(sessionId), page);
    await page.load(url);
    return page;
  }

  send(
    method: string,
    params: Readonly<Record<string, unknown>>,
    sessionId?: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last;
    const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    this.#pending.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return answer.promise;
  }

  #receive({ id, sessionId, method, params = {}, result = {}, error }: Message): void {
    if (id === undefined) {
      if (sessionId !== undefined && method !== undefined) this.#pages.get(sessionId)?.take(method, params);
      return;
    }
    const answer = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) answer?.reject(new Error(error.message));
    else answer?.resolve(result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }

  get log(): string {
    return this.#program.text;
  }
}

/** What the page says by `tell(…)`, each with its words parted. */
export class Page {
  readonly told = new Inbox<string>('what the page tells');
  /** What it writes to its console. */
  readonly console: string[] = [];
  readonly #browser: Chromium;
  readonly #session: string;
  readonly #loaded = Promise.withResolvers<void>();

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  async load(url: string): Promise<void> {
    await this.#send('Runtime.enable');
    await this.#send('Page.enable');
    await this.#send('Runtime.addBinding', { name: 'tell' });
    await this.#send('Page.navigate', { url });
    await this.#loaded.promise;
  }

  /** The value of an expression there, or of the promise that it is. @throws Error what it throws there */
  async evaluate<T = unknown>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    })) as {
      readonly result?: { readonly value?: T };
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
    };
    if (exceptionDetails) {
      throw new Error(
        `${exceptionDetails.exception?.description ?? exceptionDetails.text}\n${this.console.join('\n')}`,
      );
    }
    return result?.value as T;
  }

  take(method: string, params: Readonly<Record<string, unknown>>): void {
    if (method === 'Page.loadEventFired') this.#loaded.resolve();
    else if (method === 'Runtime.bindingCalled') this.told.push(String(params.payload));
    else if (method === 'Runtime.consoleAPICalled') {
      const words = params.args as readonly { readonly value?: unknown; readonly description?: string }[];
      this.console.push(words.map(({ value, description }) => String(value ?? description)).join(' '));
    } else if (method === 'Runtime.exceptionThrown') this.console.push(JSON.stringify(params.exceptionDetails));
  }

  #send(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#browser.send(method, params, this.#session);
  }
}
