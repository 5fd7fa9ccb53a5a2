import { fork } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nearest, quoted } from '../../src/config/words.ts';
import type { Figure } from './figure.ts';
import type { Report } from './run-module.ts';

const help = `Measures the engine and its parts, each beside a baseline of the same run where there is one.

Usage: npm run bench -- [options] [name…]

Options:
  --json      print one JSON object
  --list      print the names
  --help      show this text

Environment:
  BENCH_LONG=1      longer runs and finer steps
  BENCH_SECONDS=n   length of the runs with audio (default 60)
  BENCH_CALLS=n     calls with audio at once (default 100)
  FREESWITCH_BINARY, DRACHTIO_BINARY
                    programs that engines use in place of their own media and SIP;
                    "calls" measures the embedded media beside FreeSWITCH

Exit codes:
  0   all were measured
  1   one or more failed; the others have been measured
  64  the command line makes no sense`;

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly figures?: readonly Figure[];
  readonly error?: string;
}

/** Files beside this one that export `run`, by name. The others are parts of them: they are not loaded. */
async function benches(): Promise<string[]> {
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.ts')).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')));
  return files.flatMap((file, i) =>
    /^export (async )?function run\b/m.test(texts[i] ?? '') ? [file.replace(/\.ts$/, '')] : [],
  );
}

/** In a process of its own: what one module leaves in memory, or breaks, is not the next one's. */
async function measure(name: string): Promise<Result> {
  const begun = performance.now();
  const child = fork(join(import.meta.dirname, 'run-module.ts'), [name], {
    execArgv: [],
    // Standard output is for the results alone.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const report = await new Promise<Report>((resolve) => {
    child.once('message', (message) => resolve(message as Report));
    child.once('close', (code, signal) => resolve({ error: `its process ended early (${signal ?? code})` }));
    child.once('error', (error) => resolve({ error: error.message }));
  });
  return { name, seconds: Math.round((performance.now() - begun) / 100) / 10, ...report };
}

function machine() {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}

/** Four significant digits, whatever the size. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 6) });
}

function text(results: readonly Result[]): string {
  const all = results.flatMap(({ figures = [] }) => figures);
  const names = Math.max(0, ...all.map(({ name }) => name.length));
  const values = Math.max(0, ...all.map(({ value }) => shown(value).length));
  const row = ({ name, value, unit }: Figure) => `  ${name.padEnd(names)}  ${shown(value).padStart(values)}  ${unit}`;
  return results
    .flatMap(({ name, seconds, figures = [], error }) => [
      '',
      `${name} (${seconds} s)`,
      ...figures.map(row),
      ...(error === undefined ? [] : [`  FAILED: ${error.split('\n').join('\n  ')}`]),
    ])
    .join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const known = await benches();
  const { values: options, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (options.help) {
    console.log(help);
    return 0;
  }
  if (options.list) {
    console.log(known.join('\n'));
    return 0;
  }
  const stranger = positionals.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    const near = nearest(stranger, known);
    console.error(`bench: there is no "${stranger}"; ${near ? `did you mean "${near}"?` : `names: ${quoted(known)}`}`);
    return 64;
  }

  const facts = machine();
  if (!options.json) {
    console.log(
      `${facts.date}  ${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB  ${facts.system}  Node ${facts.node}`,
    );
  }
  const results: Result[] = [];
  for (const name of positionals.length > 0 ? positionals : known) {
    const result = await measure(name);
    results.push(result);
    if (!options.json) console.log(text([result]));
  }
  if (options.json) console.log(JSON.stringify({ machine: facts, results }, null, 2));
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // parseArgs says in words what it did not understand.
  if (!(error instanceof TypeError && 'code' in error)) throw error;
  console.error(`bench: ${error.message}\n\n${help}`);
  process.exitCode = 64;
}
