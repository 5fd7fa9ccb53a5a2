import { helpOption } from './arguments.ts';
import { type Command, exitCode, type Option } from './command.ts';

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
};

const commonCodes: Readonly<Record<number, string>> = {
  [exitCode.ok]: 'done',
  [exitCode.failed]: 'an error, explained on standard error',
  [exitCode.usage]: 'the command line makes no sense',
};

const codes = (own: Readonly<Record<number, string>> = {}): string =>
  columns(Object.entries({ ...commonCodes, ...own }).map(([code, text]) => [code, text]));

export function commandHelp(command: Command): string {
  const usage = ['kommutator', command.name, command.operands, '[options]'].filter(Boolean).join(' ');
  const options = Object.entries({ ...command.options, help: helpOption }).map(
    ([name, option]: [string, Option]) =>
      [option.value ? `--${name} ${option.value}` : `--${name}`, option.help] as const,
  );
  return `${command.summary}\n\nUsage: ${usage}\n\nOptions:\n${columns(options)}\n\nExit codes:\n${codes(command.exitCodes)}`;
}

export function overview(commands: readonly { readonly name: string; readonly summary: string }[]): string {
  const list = columns(commands.map(({ name, summary }) => [name, summary] as const));
  return `Kommutator, a telephony call-control engine\n\nUsage: kommutator <command> [options]\n\nCommands:\n${list}\n\nExit codes:\n${codes()}\n\n"kommutator <command> --help" tells more.`;
}
