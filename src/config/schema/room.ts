import { z } from 'zod';
import { object } from './object.ts';
import { declares } from './roles.ts';
import { count, Id, type Immutable, orEmpty, ownExtension, Text } from './values.ts';

const Pin = z.string().regex(/^\d{4,7}$/, { error: 'must be a PIN of 4 to 7 digits' });

/** A conference room (§4.6.4.2). */
export const Room = object({
  id: declares('room', Id),
  name: Text.default(''),
  extension: ownExtension(1, 7).exactOptional(),
  seats: count(2, 1000).default(10),
  access: z.enum(['all', 'external', 'employees']).default('all'),
  pin: orEmpty(Pin).default(''),
  pinFor: z.enum(['all', 'external']).default('all'),
}).transform((room) => ({ ...room, name: room.name || room.id }));
export type Room = Immutable<z.output<typeof Room>>;
