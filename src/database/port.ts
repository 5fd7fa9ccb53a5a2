/**
 * The SQL database, whichever it is: PGlite in a worker thread (src/embedded/database) or a PostgreSQL server (postgres.ts). Both speak the same
 * SQL. Opening is lazy and mends itself: a query on a database that is away rejects with `DatabaseDownError`, a later one may succeed.
 *
 * Deliberately absent: cursors, notifications, COPY, prepared statements by name.
 */
export interface Database extends Queryable {
  /**
   * Runs the statements of `run` as one transaction: committed when it resolves, rolled back when it rejects. Inside, only `tx` may be used: the
   * embedded database has a single connection, and would wait for itself.
   */
  transaction<T>(run: (tx: Queryable) => Promise<T>): Promise<T>;

  /** Lets queries under way finish. */
  close(): Promise<void>;
}

export interface Queryable {
  /**
   * One statement with `$1…$n`. Rows are arrays in the order of the selected columns. `timestamptz` comes as Date, `jsonb` parsed, `bigint` as the engine
   * likes: cast it.
   */
  query(text: string, values?: readonly unknown[]): Promise<unknown[][]>;

  /** Several statements without parameters. */
  script(text: string): Promise<void>;
}

/** The database cannot be reached, or is shutting down or out of resources. Worth trying again; the statement may have been carried out. */
export class DatabaseDownError extends Error {
  constructor(cause: unknown) {
    super(`The database is not available: ${cause instanceof Error ? cause.message : cause}`, { cause });
    this.name = 'DatabaseDownError';
  }
}

/** The database understood, and said no. Trying the same again is pointless. */
export class DatabaseError extends Error {
  /** SQLSTATE, five characters. */
  readonly state: string;

  constructor(message: string, state: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DatabaseError';
    this.state = state;
  }

  /** The data does not fit (classes 22 and 23): another record may. */
  get isAboutData(): boolean {
    return /^2[23]/.test(this.state);
  }
}

/**
 * Classes of SQLSTATE that tell of the server and not of the statement: connection, resources, operator intervention, system error, and serialisation
 * conflicts.
 */
const passing = /^(08|40|53|57|58|XX)/;

/** What an engine threw as what the port promises. `state` is the SQLSTATE, if the server answered at all. */
export function databaseError(error: unknown, state: string | undefined): DatabaseDownError | DatabaseError {
  if (state === undefined || !/^[0-9A-Z]{5}$/.test(state) || passing.test(state)) return new DatabaseDownError(error);
  return new DatabaseError(error instanceof Error ? error.message : String(error), state, error);
}
