import { Program } from './process.ts';

/**
 * A JACK server without a sound card: the clock that a baresip needs to play what it hears. Phones of one test file share it; each process has its own
 * server name, so that files can run side by side.
 */
export async function startJack(): Promise<{ readonly env: Record<string, string> } & AsyncDisposable> {
  const name = `kommutator-${process.pid}`;
  const env = { JACK_NO_AUDIO_RESERVATION: '1', JACK_DEFAULT_SERVER: name, JACK_NO_START_SERVER: '1' };
  const jack = await Program.start('jackd', ['--no-realtime', '-n', name, '-d', 'dummy', '-r', '8000', '-p', '160'], {
    env: { ...process.env, ...env },
  });
  await jack.lines.find('the server to start', (line) => /JACK server starting|exited/.test(line));
  return { env, [Symbol.asyncDispose]: () => jack[Symbol.asyncDispose]() };
}
