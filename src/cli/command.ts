import type { UserError } from '../errors.ts';

/** One subcommand. Its file is loaded only when it is run or asked for help. */
export interface Command {
  readonly name: string;
  /** One line of `kommutator --help`. */
  readonly summary: string;
  /** Positional arguments as the usage line shows them: `[schemes]`. */
  readonly operands?: string;
  /** How many positional arguments there may be; default none. */
  readonly maxOperands?: number;
  readonly options: Readonly<Record<string, Option>>;
  /** By code, what ends with it. 0, 1 and 64 are explained for all commands. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** @returns the exit code */
  run(input: Input, terminal: Terminal): Promise<number>;
}

export interface Option {
  readonly type: 'string' | 'boolean';
  /** `<folder>`, for options with a value. */
  readonly value?: string;
  readonly help: string;
  /** May be given several times; the values are joined by commas. */
  readonly several?: true;
  /** `--from ""` says something. */
  readonly mayBeEmpty?: true;
}

export interface Input {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly operands: readonly string[];
}

/** The world of a command. Tests give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each call is one line, or several with line ends between. */
  out(text: string): void;
  err(text: string): void;
  /** Colours and caret lines make sense on standard output. */
  readonly color: boolean;
}

export const exitCode = { ok: 0, failed: 1, warnings: 2, usage: 64 } as const;

/** The option that every command takes. */
export const configOption: Option = {
  type: 'string',
  value: '<folder>',
  help: 'the configuration folder (default: KOMMUTATOR_CONFIG, else "schemes")',
};

/** A text option's value, if it was given. */
export const textOption = (input: Input, name: string): string | undefined => {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
};

/** The folder that a command is about. */
export const configFolder = (input: Input, terminal: Terminal): string =>
  textOption(input, 'config') ?? (terminal.env.KOMMUTATOR_CONFIG || 'schemes');

/** How an error for people is printed: what is wrong, then what to do. */
export const errorLines = (error: UserError): string =>
  error.hint === undefined ? `kommutator: ${error.message}` : `kommutator: ${error.message}\n  ${error.hint}`;
