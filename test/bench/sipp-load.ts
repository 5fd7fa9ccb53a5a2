import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePortRange } from '../support/ports.ts';
import { Program } from '../support/process.ts';
import { type UacScript, type UasScript, uacXml, uasXml } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';

export interface LoadOptions {
  /** `host:port` of who is called. */
  readonly target: string;
  readonly caller: UacScript;
  readonly callee?: UasScript;
  /** UDP port of the caller: a trunk is known by it. */
  readonly callerPort: number;
  /** UDP port of the peer that answers. */
  readonly calleePort: number;
  readonly calls: number;
  /** Calls begun per second. */
  readonly rate: number;
  /** How long one call takes when nothing delays it, milliseconds. */
  readonly callMs: number;
  /** Values for `[field0]` of the two scenarios, one for each call. */
  readonly fields?: { readonly caller: readonly number[]; readonly callee: readonly number[] };
}

export interface LoadResult {
  /** Complete from INVITE to the 200 of the BYE on both sides. */
  readonly good: number;
  /** Share of the calls that were not, or that were never begun, 0–1. */
  readonly failed: number;
  /** Calls begun per second, as reached: less than asked for when sipp itself was the limit. */
  readonly rate: number;
}

/** A lost call is given up after this time, so that a rate too high does not take a minute to fail. */
const PATIENCE_MS = 8000;

/** Makes calls at a steady rate, and a peer to answer them; both are sipps, without audio. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { target, caller, callee, callerPort, calleePort, calls, rate, callMs, fields } = options;
  await using folder = await temporaryFolder('load');
  const start = async (who: 'caller' | 'callee', xml: string, port: number, args: readonly string[]) => {
    const scenario = join(folder.path, `${who}.xml`);
    await writeFile(scenario, xml);
    const values = fields?.[who];
    const injected = join(folder.path, `${who}.csv`);
    if (values) await writeFile(injected, `SEQUENTIAL\n${values.map((value) => `${value};\n`).join('')}`);
    return Program.start(
      'sipp',
      [
        ...args,
        ...['-sf', scenario, '-i', '127.0.0.1', '-mi', '127.0.0.1', '-ci', '127.0.0.1', '-p', String(port)],
        ...['-mp', String((await freePortRange(2)).from), '-nostdin', '-aa'],
        ...(values ? ['-inf', injected] : []),
      ],
      { cwd: folder.path, env: { ...process.env, TERM: 'dumb' } },
    );
  };

  const lasts = (calls / rate) * 1000 + callMs;
  // Also when this process is killed meanwhile, none of the two stays.
  const giveUp = ['-timeout', `${Math.ceil(lasts + PATIENCE_MS)}ms`];
  await using answering = await start('callee', uasXml(callee), calleePort, giveUp);
  await using calling = await start('caller', uacXml(caller), callerPort, [
    target,
    ...['-m', String(calls), '-r', String(rate), '-l', String(Math.ceil((rate * (callMs + PATIENCE_MS)) / 1000) + 10)],
    ...giveUp,
  ]);
  const begun = performance.now();
  await calling.exited;
  const seconds = (performance.now() - begun - callMs) / 1000;
  // Calls whose end was on its way are over in a moment; those that nobody ends are counted as failed.
  answering.child.kill('SIGUSR1');
  await Promise.race([answering.exited, new Promise((resolve) => setTimeout(resolve, 1000))]);
  await answering.stop('SIGKILL');
  const good = Math.min(successful(calling), successful(answering));
  return { good, failed: 1 - good / calls, rate: calls / Math.max(seconds, calls / rate) };
}

function successful({ lines }: Program): number {
  const last = lines.items.findLast((line) => line.includes('Successful call'));
  return Number(/\|\s*(\d+)\s*$/.exec(last ?? '')?.[1] ?? 0);
}
