/**
 * An error that a person can mend: bad configuration, a port in use, a missing program. The command line prints `message` and
 * `hint` on one line each, without a stack trace; anything else that is thrown is a bug and keeps its stack.
 */
export class UserError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  /** @param code stable, kebab-case (`port-in-use`). @param hint what to do, as an imperative sentence. */
  constructor(code: string, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
    this.code = code;
    this.hint = hint;
  }
}

/** The text of anything thrown, for a log field or a message. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
