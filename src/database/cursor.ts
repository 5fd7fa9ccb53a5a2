import { z } from 'zod';
import { UserError } from '../errors.ts';

/** Where a list that is ordered by time, and then by id, goes on: what one who reads it page by page hands back. */
export interface Position {
  /** ISO 8601. */
  readonly at: string;
  readonly id: string;
}

/** A cursor that was not made here. */
export class BadCursorError extends UserError {
  constructor() {
    super('bad-cursor', 'The cursor is not one of this list', 'Take it from "next" of the page before.');
  }
}

const Cursor = z.tuple([z.iso.datetime(), z.string()]);

export const writeCursor = ({ at, id }: Position): string =>
  Buffer.from(JSON.stringify([at, id] satisfies z.infer<typeof Cursor>)).toString('base64url');

/** @throws BadCursorError */
export function readCursor(text: string): Position {
  try {
    const [at, id] = Cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return { at, id };
  } catch {
    throw new BadCursorError();
  }
}
