import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Inbox } from './wait.ts';

/** Debian's, or `CHROMIUM_BINARY`. Undefined: there is none. */
export const chromiumBinary: string | undefined = [
  process.env.CHROMIUM_BINARY ?? '',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

/** A real browser without a window, whose microphone plays a file again and again. */
export interface Chromium extends AsyncDisposable {
  /** A page of its own, loaded. */
  open(url: string): Promise<Page>;
}

export interface Page {
  /** What the page says by `tell(…)`. */
  readonly told: Inbox<string>;
  /** What it writes to its console. */
  readonly console: readonly string[];
  /** The value of an expression there, or of the promise that it is. @throws Error what it throws there */
  evaluate<T>(expression: string): Promise<T>;
}

/**
 * @param microphone a WAV file
 * @param key of the servers that are believed whoever signed for them (`keyHash`)
 */
export async function startChromium(binary: string, microphone: string, key: string): Promise<Chromium> {
  const browser = await chromium.launch({
    executablePath: binary,
    args: [
      ...['--no-proxy-server', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
      ...[`--use-file-for-fake-audio-capture=${microphone}`, '--autoplay-policy=no-user-gesture-required'],
      // Everything is on this machine, whose own address browsers do not offer otherwise.
      '--allow-loopback-in-peer-connection',
      `--ignore-certificate-errors-spki-list=${key}`,
    ],
  });
  return {
    async open(url) {
      const page = await browser.newPage();
      const told = new Inbox<string>('what the page tells');
      const console: string[] = [];
      page.on('console', (message) => console.push(message.text()));
      page.on('pageerror', (error) => console.push(String(error)));
      await page.exposeFunction('tell', (text: string) => told.push(text));
      await page.goto(url);
      return {
        told,
        console,
        evaluate: async (expression) => {
          try {
            return await page.evaluate(expression);
          } catch (error) {
            throw new Error(`${error}\n${console.join('\n')}`);
          }
        },
      };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
