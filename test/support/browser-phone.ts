import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import type { Chromium, Page } from './chromium.ts';
import { describeSound, sounds } from './tones.ts';
import { eventually } from './wait.ts';

const library = join(import.meta.dirname, '../../node_modules/sip.js/lib');
const page = join(import.meta.dirname, 'browser-phone.html');

/** Serves the page of the phone and SIP.js to it: a page has a microphone only where it comes from a host that is trusted, as this one is. */
export async function servePhone(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = normalize(new URL(url, 'http://page').pathname);
    const file = path === '/' ? page : path.startsWith('/sip.js/') ? join(library, path.slice('/sip.js'.length)) : '';
    const text = await readFile(file).catch(() => undefined);
    if (text === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file === page ? 'text/html' : 'text/javascript' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Way {
  readonly ufrag: string;
  readonly bytes: number;
}

/** A phone that is a web page: SIP.js in a real browser, with its WebRTC. It says what the microphone of the browser says. */
export class BrowserPhone {
  readonly page: Page;
  #seen = 0;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(browser: Chromium, url: string): Promise<BrowserPhone> {
    const phone = new BrowserPhone(await browser.open(url));
    await phone.next('ready');
    return phone;
  }

  /** @param server `ws://127.0.0.1:5062` */
  async register(server: string, user: string, domain: string, password: string): Promise<void> {
    await this.#call('register', server, user, domain, password);
  }

  /** The next thing that it tells which begins so: `Rings`, `Established`, `Terminated`, `Refused 488 …`, `Holds`, `Resumes`, `Restarted`. */
  async next(start: string): Promise<string> {
    const { item, index } = await this.page.told.find(start, (text) => text.startsWith(start), this.#seen);
    this.#seen = index + 1;
    return item;
  }

  dial(number: string): Promise<unknown> {
    return this.#call('dial', number);
  }

  answer(): Promise<unknown> {
    return this.#call('answer');
  }

  hangUp(): Promise<unknown> {
    return this.#call('hangUp');
  }

  hold(on: boolean): Promise<unknown> {
    return this.#call('hold', on);
  }

  /** Looks for a way to the other side anew. */
  restart(): Promise<unknown> {
    return this.#call('restart');
  }

  /** How its audio comes: under which name of its own for ICE, and the bytes that have come since it has had this name. */
  way(): Promise<Way> {
    return this.#call('way') as Promise<Way>;
  }

  press(key: string): Promise<unknown> {
    return this.#call('press', key);
  }

  /** What it was told of the other side. */
  description(): Promise<string> {
    return this.#call('describe') as Promise<string>;
  }

  async heard(): Promise<Int16Array> {
    return Int16Array.from((await this.#call('heard')) as number[]);
  }

  /** Resolves when what it heard last is this tone. */
  async hears(hz: number): Promise<void> {
    await eventually(
      `the browser to hear ${hz} Hz`,
      async () => {
        const samples = await this.heard();
        return { is: sounds(hz, samples), sound: describeSound(samples) };
      },
      ({ is }) => is,
    );
  }

  /** Resolves when what it heard last is anything but this tone, or nothing. */
  async hearsNoMore(hz: number): Promise<void> {
    await eventually(
      `the browser to hear ${hz} Hz no more`,
      async () => sounds(hz, await this.heard()),
      (is) => !is,
    );
  }

  async #call(name: string, ...values: readonly unknown[]): Promise<unknown> {
    const given = values.map((value) => JSON.stringify(value)).join();
    return this.page.evaluate(`phone.${name}(${given})`);
  }
}
