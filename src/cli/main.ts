import { nearest } from '../config/words.ts';
import { UserError } from '../errors.ts';
import { readArguments, UsageError } from './arguments.ts';
import { type Command, errorLines, exitCode, type Terminal } from './command.ts';
import { commandHelp, overview } from './help.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loaded when needed: `check` must not wait for the engine. */
  load(): Promise<{ readonly command: Command }>;
}

const entries: readonly Entry[] = [
  { name: 'start', summary: 'Run a node', load: () => import('./start.ts') },
  { name: 'check', summary: 'Validate and lint a configuration folder', load: () => import('./check.ts') },
  { name: 'schema', summary: 'Write the JSON Schema for editors', load: () => import('./schema.ts') },
  {
    name: 'simulate',
    summary: 'Run a call through a configuration, step by step',
    load: () => import('./simulate.ts'),
  },
  { name: 'graph', summary: 'Draw schemes as Mermaid state diagrams', load: () => import('./graph.ts') },
  { name: 'status', summary: 'Show registered phones and calls in progress', load: () => import('./status.ts') },
  { name: 'calls', summary: 'Show the latest calls', load: () => import('./calls.ts') },
  {
    name: 'replay',
    summary: 'Run recorded calls again on a changed configuration',
    load: () => import('./replay.ts'),
  },
];

/**
 * Runs a command line (without `node` and the script). Errors for people are printed to standard error; anything else that is thrown is a bug and is
 * thrown on.
 * @returns the exit code
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    terminal.err(errorLines(error));
    return error instanceof UsageError ? exitCode.usage : exitCode.failed;
  }
}

async function run([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = rest;
    terminal.out(about === undefined ? overview(entries) : commandHelp((await find(about).load()).command));
    return exitCode.ok;
  }
  if (name === undefined) {
    terminal.err(overview(entries));
    return exitCode.usage;
  }
  const { command } = await find(name).load();
  const { help, ...input } = readArguments(command, rest);
  if (!help) return command.run(input, terminal);
  terminal.out(commandHelp(command));
  return exitCode.ok;
}

function find(name: string): Entry {
  const entry = entries.find((one) => one.name === name);
  if (entry) return entry;
  const names = entries.map((one) => one.name);
  const near = nearest(name, names);
  const what = name.startsWith('-') ? 'option' : 'command';
  throw new UsageError(
    `unknown ${what} "${name}"`,
    near ? `Did you mean "${near}"?` : `Commands: ${names.join(', ')}. See "kommutator --help".`,
  );
}
