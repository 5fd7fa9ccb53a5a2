import type { Logger } from 'pino';
import { z } from 'zod';
import type { Group } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { Clock } from '../../time/clock.ts';
import { HttpFailure } from '../failure.ts';
import type { HttpPorts } from '../ports.ts';

/** What routes work with. */
export interface RouteContext {
  readonly ports: HttpPorts;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the node stops serving. */
  readonly closing: AbortSignal;
}

/** Path parameters that several routes have. */
export const pbxParameter = { pbx: z.string().describe('Id of a PBX.') };
export const callParameters = { ...pbxParameter, id: z.string().describe('Id of a call.') };

/** @throws HttpFailure 404 `no-such-pbx` */
export function knownPbx({ ports }: RouteContext, id: string): PbxVersion {
  const pbx = ports.config.current(id);
  if (pbx) return pbx;
  throw new HttpFailure(404, {
    code: 'no-such-pbx',
    message: `There is no PBX "${id}"`,
    hint: 'GET /api/pbxs lists them.',
  });
}

/** @throws HttpFailure 404 `no-such-group` */
export function knownGroup(pbx: PbxVersion, id: string): Group {
  const group = pbx.group(id);
  if (group) return group;
  throw new HttpFailure(404, {
    code: 'no-such-group',
    message: `${pbx.id} has no group "${id}"`,
    hint: `GET /api/pbxs/${pbx.id}/groups lists them.`,
  });
}

/** What is asked for needs two who talk. */
export const noConversation = (call: string): HttpFailure =>
  new HttpFailure(409, {
    code: 'no-conversation',
    message: `In the call "${call}" nobody talks on this node`,
    hint: 'Wait until two talk.',
  });

/** A parameter that may be given several times. */
export const several = <S extends z.ZodType>(one: S) =>
  z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(one)).optional();

/** A time in a query. */
export const Moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-31T09:00:00Z ("+" is written as %2B)' })
  .transform((text) => new Date(text));

/** Without what is undefined: there, left out. */
type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
export const given = <T extends object>(values: T): Given<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
