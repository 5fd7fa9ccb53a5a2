import { z } from 'zod';

/** Everything that a name in the document can stand for. Each kind is one name space. */
export type Kind =
  | 'pbx'
  | 'audio'
  | 'employee'
  | 'group'
  | 'scheme'
  | 'trunk'
  | 'room'
  | 'regionRules'
  /** A line that callers dial and that a caller id may show: of `numbers`, or of a trunk. */
  | 'number'
  | 'domain'
  /** The short numbers of employees, groups, schemes and rooms: one plan. */
  | 'extension';

/** This value names something. The same name twice is an error, unless it is only `offered` (a number that a trunk brings). */
export interface Declaration {
  readonly declares: Kind;
  readonly offered?: boolean;
}

/** This value must be the name of something that is declared, and that has the key `needs`. */
export interface Reference {
  readonly refersTo: Kind;
  readonly needs?: string;
}

/** How a value takes part in the document's web of names. */
export type Role = Declaration | Reference;

/**
 * The roles of schemas, declared where the key is declared; `names.ts` walks a document along its schema and collects them. So a new
 * reference anywhere in the format is checked without another line of code.
 */
export const roles = z.registry<Role>();

export const declares = <S extends z.ZodType>(kind: Kind, schema: S): S => withRole(schema, { declares: kind });
export const offers = <S extends z.ZodType>(kind: Kind, schema: S): S =>
  withRole(schema, { declares: kind, offered: true });
export const refersTo = <S extends z.ZodType>(kind: Kind, schema: S, needs?: string): S =>
  withRole(schema, { refersTo: kind, ...(needs === undefined ? {} : { needs }) });

/** A copy, because a schema such as `Id` has other roles elsewhere. */
function withRole<S extends z.ZodType>(schema: S, role: Role): S {
  const own = schema.clone() as S;
  roles.add(own, role);
  return own;
}
