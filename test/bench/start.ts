import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { Engine } from '../support/engine-process.ts';
import { domain, writeOffice } from '../support/office.ts';
import { freePortRange } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { Figure } from './figure.ts';

const STARTS = 5;
const GIVE_UP_MS = 20_000;

/** From the start of the process to its first answer to OPTIONS: with nothing in `VAR_DIR`, and with what the former run left there. */
export async function run(): Promise<Figure[]> {
  await using config = await temporaryFolder('bench');
  await writeOffice(config.path);
  await using folder = await temporaryFolder('bench');
  const first: number[] = [];
  const again: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const varDir = join(folder.path, `var${i}`);
    first.push(await firstAnswer(config.path, varDir));
    again.push(await firstAnswer(config.path, varDir));
  }
  return [
    { name: 'start to first answered OPTIONS, new VAR_DIR', value: median(first), unit: 'ms' },
    { name: 'start to first answered OPTIONS, again', value: median(again), unit: 'ms' },
  ];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Asks every 5 ms from the start on, and stops the engine. @returns milliseconds */
async function firstAnswer(config: string, varDir: string): Promise<number> {
  const { from: port } = await freePortRange(1);
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  // Nobody listens there yet.
  socket.on('error', () => undefined);
  const answered = new Promise<number>((resolve) => {
    socket.on('message', (bytes) => {
      if (bytes.toString('latin1').startsWith('SIP/2.0 200 ')) resolve(performance.now());
    });
  });
  const begun = performance.now();
  const program = await Engine.launch(
    { config, env: { SIP_LISTEN: `udp://127.0.0.1:${port}`, LOG_LEVEL: 'warn' } },
    varDir,
  );
  let asked = 0;
  const asking = setInterval(() => socket.send(options(asked++, socket.address().port), port, '127.0.0.1'), 5);
  let late: NodeJS.Timeout | undefined;
  try {
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`no answer to OPTIONS:\n${program.text}`)), GIVE_UP_MS);
    });
    return (await Promise.race([answered, tooLate])) - begun;
  } finally {
    clearTimeout(late);
    clearInterval(asking);
    socket.close();
    await program.stop();
  }
}

const options = (n: number, port: number): string =>
  [
    `OPTIONS sip:${domain} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=z9hG4bKbench${n}`,
    `From: <sip:bench@elsewhere.test>;tag=${n}`,
    `To: <sip:${domain}>`,
    `Call-ID: bench-${n}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
