import { z } from 'zod';
import { exactlyOneOf } from './choice.ts';
import { object } from './object.ts';
import { refersTo } from './roles.ts';
import { extension, Id, type Immutable, Phone, Port, SipAddress, Text } from './values.ts';

/** Digits to dial at a trunk: a number as the far end wants it. */
export const DialledNumber = z
  .string()
  .regex(/^\+?[\d*#]{1,32}$/, { error: 'must be a number to dial: digits, "*" or "#"' });

export const targetMembers = {
  group: object({ group: refersTo('group', Id) }),
  employee: object({
    employee: refersTo('employee', Id),
    contact: Text.default('asConfigured').describe('"main", "asConfigured", or the address of one of his contacts.'),
  }),
  phone: object({ phone: Phone }),
  sip: object({ sip: SipAddress, port: Port.exactOptional(), transport: z.enum(['udp', 'tcp']).exactOptional() }),
  trunk: object({ trunk: refersTo('trunk', Id), number: DialledNumber }),
  scheme: object({ scheme: refersTo('scheme', Id, 'extension') }),
  room: object({ room: refersTo('room', Id) }),
  extension: object({ extension: refersTo('extension', extension(1, 7)) }),
} as const;

/** Where a call may be sent. */
export const Target = exactlyOneOf('a target', targetMembers).meta({
  id: 'target',
  description: 'Where a call may be sent.',
});
export type Target = Immutable<z.output<typeof Target>>;
