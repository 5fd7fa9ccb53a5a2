import { parseArgs } from 'node:util';
import { nearest, quoted } from '../config/words.ts';
import { UserError } from '../errors.ts';
import type { Command, Input, Option } from './command.ts';

/** The command line makes no sense: exit code 64, and a pointer to the help. */
export class UsageError extends UserError {
  constructor(message: string, hint: string) {
    super('usage', message, hint);
  }
}

export const helpOption: Option = { type: 'boolean', help: 'show this text' };

/**
 * Reads what follows a command's name.
 * @throws UsageError
 */
export function readArguments(command: Command, argv: readonly string[]): Input & { readonly help: boolean } {
  const options: Readonly<Record<string, Option>> = { ...command.options, help: helpOption };
  // Not strict, because node's own messages know no «did you mean».
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type }]) => [name, { type, ...(name === 'help' ? { short: 'h' } : {}) }]),
    ),
    strict: false,
    tokens: true,
  });
  const values: Record<string, string | boolean> = {};
  const operands: string[] = [];
  const help = `See "kommutator ${command.name} --help".`;
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!option) {
      const near = nearest(token.name, Object.keys(options));
      throw new UsageError(`unknown option ${token.rawName}`, near ? `Did you mean --${near}? ${help}` : help);
    }
    if (option.type === 'boolean' && token.value !== undefined)
      throw new UsageError(`--${token.name} takes no value`, help);
    if (option.type === 'string' && (token.value === undefined || (token.value === '' && !option.mayBeEmpty))) {
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.value ?? '<value>'}`, help);
    }
    const former = option.several ? values[token.name] : undefined;
    values[token.name] = former === undefined ? (token.value ?? true) : `${former},${token.value}`;
  }
  const max = command.maxOperands ?? 0;
  if (operands.length > max && !values.help) {
    throw new UsageError(`unexpected ${quoted(operands.slice(max), 'and')}`, help);
  }
  return { options: values, operands, help: values.help === true };
}
